// The servers' side of the protocol in the hands of a test: a real TLS endpoint with certificates
// of the cluster's own making. It answers an enrolment by itself, and leaves sessions to the test.

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Address, parseAddress } from '@halflap/agent';
import {
  type AgentFrame,
  checkAgentFrame,
  checkEnrolmentAsked,
  type Enrolled,
  type EnrolmentAsked,
  type Hello,
  MAX_FRAME_BYTES,
  type ServerFrame,
  type Welcome,
} from '@halflap/protocol/agent';
import { type WebSocket, WebSocketServer } from 'ws';
import {
  createAuthority,
  issueHost,
  issueServer,
  type Keys,
  keyOf,
} from '../../packages/server/src/authority/certificates.js';
import { digestId } from '../../packages/server/src/store/digest-id.js';
import { Signals } from './signals.js';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export interface TestServerOptions {
  /** Default: a new one. */
  readonly authority?: Keys;
  /** Default: some free port. */
  readonly port?: number;
  /** Default: a server's, for localhost. */
  readonly keys?: Keys;
  /** What an enrolment is answered; null: the host's certificate. */
  readonly enrolment?: (asked: EnrolmentAsked) => Answer | null;
  /** What an agent is answered that wants a session; null: it gets one. */
  readonly upgrade?: () => string | null;
}

/** One session, from its hello on. */
export class Peer {
  /** The host that the certificate names. */
  readonly host: string;
  readonly fingerprint: string;
  readonly hello: Hello;
  readonly frames = new Signals<AgentFrame>();
  /** The code that it was closed with. */
  readonly closed: Promise<number>;
  readonly socket: WebSocket;
  answersHeartbeats = true;

  constructor(socket: WebSocket, transport: TLSSocket, hello: Hello) {
    const { subject, fingerprint256 } = transport.getPeerCertificate();
    this.host = String(subject.CN);
    this.fingerprint = fingerprint256;
    this.hello = hello;
    this.socket = socket;
    this.closed = once(socket, 'close').then(([code]) => code as number);
    socket.on('message', (data) => {
      const frame = read(String(data));
      if (frame.type === 'heartbeat' && this.answersHeartbeats) socket.pong();
      this.frames.push(frame);
    });
  }

  say(frame: ServerFrame | string): void {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  welcome(more: Partial<Welcome> = {}): void {
    this.say({
      type: 'welcome',
      protocol: 1,
      server: 'test',
      serverVersion: '0',
      fence: 1,
      now: new Date().toISOString(),
      heartbeatSeconds: 30,
      reportSeconds: 60,
      revision: this.hello.revision,
      ...more,
    });
  }

  /** The next of that type. */
  next<Type extends AgentFrame['type']>(type: Type): Promise<Extract<AgentFrame, { type: Type }>> {
    return this.frames.next((one): one is Extract<AgentFrame, { type: Type }> => one.type === type);
  }
}

export interface TestServer {
  readonly authority: Keys;
  readonly address: Address;
  readonly sessions: Signals<Peer>;
  readonly enrolments: readonly EnrolmentAsked[];
  /** Dies without a goodbye. */
  stop(): Promise<void>;
}

export async function startServer(options: TestServerOptions = {}): Promise<TestServer> {
  const authority = options.authority ?? (await createAuthority(new Date()));
  const names = { names: ['localhost', '127.0.0.1'], days: 10 };
  const keys = options.keys ?? (await issueServer(authority, names, new Date()));
  const https = createServer({
    key: keys.privateKey,
    cert: keys.certificate,
    ca: authority.certificate,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
  });
  const connections = new Set<Socket>();
  https.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    socket.on('error', () => socket.destroy());
  });
  https.listen(options.port ?? 0, 'localhost');
  await once(https, 'listening');
  const { port } = https.address() as AddressInfo;
  const sessions = new Signals<Peer>();
  const enrolments: EnrolmentAsked[] = [];
  openSessions(https, sessions, options);
  https.on('request', async (request: IncomingMessage, response: ServerResponse) => {
    const asked = await askedIn(request);
    enrolments.push(asked);
    const { status, headers, body } = options.enrolment?.(asked) ?? {
      status: 200,
      body: await certify(authority, asked.request),
    };
    response.writeHead(status, { ...headers, connection: 'close' });
    response.end(JSON.stringify(body));
  });
  const stop = async () => {
    const closed = once(https, 'close');
    https.close();
    for (const socket of connections) socket.destroy();
    await closed;
  };
  return { authority, address: parseAddress(`localhost:${port}`), sessions, enrolments, stop };
}

function openSessions(
  https: ReturnType<typeof createServer>,
  sessions: Signals<Peer>,
  { upgrade }: TestServerOptions,
): void {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
    handleProtocols: (offered) => offered.has('halflap-agent') && 'halflap-agent',
  });
  https.on('upgrade', (request, duplex, head) => {
    const transport = duplex as TLSSocket;
    const away = transport.authorized ? (upgrade?.() ?? null) : 'HTTP/1.1 401 Who?\r\n\r\n';
    if (away !== null) {
      transport.end(away);
      return;
    }
    sockets.handleUpgrade(request, transport, head, (socket) => {
      socket.on('error', () => socket.terminate());
      socket.once('message', (data) => {
        const hello = read(String(data));
        if (hello.type !== 'hello') throw new Error(`${hello.type} comes before hello`);
        sessions.push(new Peer(socket, transport, hello));
      });
    });
  });
}

async function askedIn(request: IncomingMessage): Promise<EnrolmentAsked> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const checked = checkEnrolmentAsked(JSON.parse(Buffer.concat(chunks).toString()));
  if (!checked.ok) throw new Error(checked.problems.join());
  return checked.value;
}

/** As real servers do: a host's id follows from its key. */
export async function certify(authority: Keys, request: string, days = 90): Promise<Enrolled> {
  const host = digestId(await keyOf(request));
  const { pem } = await issueHost(authority, { id: host, request, days }, new Date());
  const { certificate: authorities } = authority;
  return { host, state: 'active', chain: pem, authorities, keys: [] };
}

function read(text: string): AgentFrame {
  const checked = checkAgentFrame(JSON.parse(text));
  if (!checked.ok) throw new Error(`the agent says what is no message: ${checked.problems.join()}`);
  return checked.value;
}
