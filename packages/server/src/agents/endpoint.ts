// Where agents come: one TLS port, with an enrolment by HTTPS and a WebSocket for the session.
//
// Nobody is read before his turn (admission.ts), nobody has a session without a certificate of this
// cluster's authority, and nothing that is sent here is longer than MAX_FRAME_BYTES.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { HalflapError } from '@halflap/protocol';
import { checkEnrolmentAsked, MAX_FRAME_BYTES } from '@halflap/protocol/agent';
import { WebSocketServer } from 'ws';
import { problemOf } from '../api/problem.js';
import type { Authority } from '../authority/authority.js';
import { createAdmission } from './admission.js';
import { Connection } from './connection.js';
import { type EnrolOptions, enrol } from './enrol.js';
import type { Peer } from './opening.js';
import { Sessions, type SessionsOptions } from './sessions.js';

export interface EndpointOptions extends SessionsOptions, Pick<EnrolOptions, 'redeem'> {
  readonly listen: { readonly host: string; readonly port: number };
  /** Names and addresses by which agents reach this server. */
  readonly names: readonly string[];
  readonly handshakesPerSecond: number;
}

export interface Endpoint {
  readonly port: number;
  readonly sessions: Sessions;
  /** Says goodbye to all agents and ends. Idempotent. */
  stop(): Promise<void>;
}

/** As many connections wait for their handshake as come within some ten seconds. */
const WAITING_SECONDS = 10;
const HANDSHAKE_MS = 10_000;
const REQUEST_MS = 10_000;
const MOST_ENROLMENT_BYTES = 64 * 1024;

const ENROL = '/agent/enrol';
const SESSION = '/agent/session';
/** The WebSocket subprotocol of sessions. */
const SUBPROTOCOL = 'halflap-agent';

/** Listens. @throws what `listen` does: the port is taken. */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { authority, names, handshakesPerSecond, listen } = options;
  const context = () => contextOf(authority, names);
  const sessions = new Sessions(options);
  const https = createServer({
    ...(await context()),
    requestCert: true,
    // Enrolment comes without; sessions are refused below.
    rejectUnauthorized: false,
    handshakeTimeout: HANDSHAKE_MS,
    requestTimeout: REQUEST_MS,
    headersTimeout: REQUEST_MS,
    keepAliveTimeout: 1000,
  });
  serve(https, sessions, options);
  const unfollow = authority.follow(() =>
    context().then(
      (changed) => https.setSecureContext(changed),
      (error) => options.log.error({ error }, 'agents are shown the certificate from before'),
    ),
  );
  const front = createAdmission({
    perSecond: handshakesPerSecond,
    waiting: handshakesPerSecond * WAITING_SECONDS,
    admit: (socket) => {
      https.emit('connection', socket);
      socket.resume();
    },
  });
  try {
    await new Promise<void>((resolve, reject) => {
      front.once('error', reject);
      front.listen(listen.port, listen.host, resolve);
    });
  } catch (cause) {
    unfollow();
    await sessions.stop();
    throw cannotListen('agents', listen, cause);
  }
  let stopped: Promise<void> | undefined;
  return {
    port: (front.address() as AddressInfo).port,
    sessions,
    stop() {
      unfollow();
      stopped ??= end(front, https, sessions);
      return stopped;
    },
  };
}

/** By which agents know this server, and it them. New connections get what is set last. */
async function contextOf(authority: Authority, names: readonly string[]) {
  const { privateKey, certificate } = await authority.issueServer(names);
  return {
    key: privateKey,
    // With the authority, which an agent that enrols knows by its digest only.
    cert: `${certificate}\n${authority.certificate}`,
    ca: authority.certificates,
    minVersion: 'TLSv1.3',
  } as const;
}

/** What keeps a server from listening is for its operator to change. */
export function cannotListen(
  whom: string,
  { host, port }: { readonly host: string; readonly port: number },
  cause: unknown,
): HalflapError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HalflapError('CONFIG_INVALID', `cannot listen on ${host}:${port}: ${reason}`, {
    hint: `end what listens there, or choose another address: --${whom} ADDRESS:PORT`,
    cause,
  });
}

async function end(front: Server, https: HttpsServer, sessions: Sessions): Promise<void> {
  front.close();
  await sessions.stop();
  https.closeAllConnections();
}

function serve(https: HttpsServer, sessions: Sessions, options: EndpointOptions): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
  });
  https.on('tlsClientError', (_, socket) => socket.destroy());
  https.on('clientError', (_, socket) => socket.destroy());
  https.on('request', (request, response) => void answer(request, response, options));
  https.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    const peer = request.url === SESSION ? peerOf(request.socket as TLSSocket) : null;
    if (peer === null) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (opened) => {
      const connection: Connection = new Connection(
        opened,
        sessions.handlingOf(peer, () => connection),
        options.now,
      );
    });
  });
}

/** The host that a connection's certificate names; null without one of this cluster. */
function peerOf(socket: TLSSocket): Peer | null {
  if (!socket.authorized) return null;
  const { subject, fingerprint256 } = socket.getPeerCertificate();
  const name = subject?.CN;
  if (typeof name !== 'string' || !HOST_ID.test(name)) return null;
  return { host: name, fingerprint: fingerprint256.replaceAll(':', '').toLowerCase() };
}

const HOST_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: EndpointOptions,
): Promise<void> {
  try {
    if (request.method !== 'POST' || request.url !== ENROL) {
      throw new HalflapError('API_NOT_FOUND', 'this port is for agents', {
        hint: `agents come to POST ${ENROL} and, by WebSocket, to ${SESSION}`,
      });
    }
    const checked = checkEnrolmentAsked(await bodyOf(request));
    if (!checked.ok) throw invalid(checked.problems.join('; '));
    tell(response, 200, { type: 'application/json', body: await enrol(options, checked.value) });
  } catch (error) {
    const { problem, retryAfterSeconds } = problemOf(error, crypto.randomUUID());
    if (problem.status >= 500) {
      options.log.error({ request: problem.instance, error }, 'an enrolment failed');
    }
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds);
    tell(response, problem.status, { type: 'application/problem+json', body: problem });
  }
}

/** @throws API_TOO_LARGE, API_INVALID when it is no JSON. */
async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_ENROLMENT_BYTES) {
      throw new HalflapError('API_TOO_LARGE', 'the request is too long for an enrolment', {
        hint: `send ${MOST_ENROLMENT_BYTES} bytes at most`,
      });
    }
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw invalid('the body is not JSON', cause);
  }
}

function invalid(message: string, cause?: unknown): HalflapError {
  const hint = 'send what an agent of this release sends: halflap agent --enrol TOKEN';
  return new HalflapError('API_INVALID', message, { hint, cause });
}

function tell(
  response: ServerResponse,
  status: number,
  { type, body }: { readonly type: string; readonly body: unknown },
): void {
  response.writeHead(status, { 'content-type': type, connection: 'close' });
  response.end(JSON.stringify(body));
}
