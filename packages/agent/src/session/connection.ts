// One connection to one server: messages in and out, and how it came to its end.
//
//   connecting ──► open ──goodbye, `end`, or it breaks──► over
//
// Invariants: once it is over nothing is passed on any more. No more than MAX_UNSENT_BYTES wait in
// the socket, and no more messages go out than a server reads of one agent: who has more to say
// waits here, in order.

import type { IncomingMessage } from 'node:http';
import * as tls from 'node:tls';
import {
  type AgentFrame,
  checkServerFrame,
  type Goodbye,
  MAX_FRAME_BYTES,
  type ServerFrame,
} from '@halflap/protocol/agent';
import { WebSocket } from 'ws';
import { type Address, textOf } from '../address.js';
import type { Clock } from '../clock.js';
import type { HostIdentity } from '../identity/host-identity.js';
import { isUntrusted, tlsOptions } from '../identity/server-trust.js';
import type { Log } from '../log.js';
import { retryAfterMs } from '../retry-after.js';
import type { Ending } from './backoff.js';
import { Outbox } from './outbox.js';

export interface ConnectionOptions {
  readonly server: Address;
  readonly identity: HostIdentity;
  readonly clock: Clock;
  readonly log: Log;
  readonly onOpen: () => void;
  /** Checked, in order. What it throws ends the connection. */
  readonly onFrame: (frame: ServerFrame) => void;
  /** The server lives. */
  readonly onHeard: () => void;
}

const SUBPROTOCOL = 'halflap-agent';
const SESSION_PATH = '/agent/session';
/** How long the other side has to close as well. */
const CLOSE_MS = 2000;
/** Unknown types are told of once each, and no more than this. */
const MAX_UNKNOWN_TYPES = 10;

/** Codes of a closing WebSocket (RFC 6455, section 7.4.1). */
export const CLOSE = { normally: 1000, away: 1001, policy: 1008, failed: 1011 } as const;

export class Connection {
  /** Never rejects. */
  readonly ended: Promise<Ending>;
  readonly #options: ConnectionOptions;
  readonly #socket: WebSocket;
  readonly #outbox: Outbox;
  readonly #unknown = new Set<string>();
  #isOver = false;
  #reason: string | null = null;
  #goodbye: Goodbye | null = null;
  #retryAfterMs: number | null = null;

  /** Connects at once. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { server, identity, clock, onOpen, onHeard } = options;
    const { chain, authorities } = identity.current;
    const socket = new WebSocket(`wss://${textOf(server)}${SESSION_PATH}`, SUBPROTOCOL, {
      createConnection: () =>
        tls.connect({
          ...tlsOptions(server, authorities),
          host: server.host,
          port: server.port,
          cert: chain,
          key: identity.key,
        }),
      perMessageDeflate: false,
      maxPayload: MAX_FRAME_BYTES,
      followRedirects: false,
    });
    this.#socket = socket;
    this.#outbox = new Outbox(socket, clock);
    socket.on('open', onOpen);
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
    socket.on('pong', onHeard);
    socket.on('ping', onHeard);
    socket.on('unexpected-response', (_, response) => this.#sentAway(response));
    // `close` follows.
    socket.on('error', (error) => {
      this.#reason ??= isUntrusted(error) ? `${error.message}: ${UNTRUSTED}` : error.message;
    });
    this.ended = new Promise((resolve) => {
      socket.on('close', (code, said) => resolve(this.#close(code, said.toString('utf8'))));
    });
  }

  /** Once it is on its way. @returns false when the connection is over before that. */
  send(frame: AgentFrame): Promise<boolean> {
    const text = JSON.stringify(frame);
    const bytes = Buffer.byteLength(text);
    if (bytes <= MAX_FRAME_BYTES) return this.#outbox.send(text, bytes);
    // The server would end the connection, and the same would come again in the next one.
    const detail = { type: frame.type, bytes, limit: MAX_FRAME_BYTES };
    this.#options.log.error(detail, 'a message is too long to be sent, and was left out');
    return Promise.resolve(false);
  }

  /** Says that the agent lives, before whatever waits to be sent. */
  beat(): void {
    if (this.#socket.readyState === WebSocket.OPEN) this.#socket.send('{"type":"heartbeat"}');
  }

  /** Closes; the reason is for the log, the code for the server. */
  end(reason: string, code: number): void {
    this.#reason ??= reason;
    if (this.#isOver) return;
    this.#isOver = true;
    this.#outbox.stop();
    this.#socket.close(code);
    const takeBack = this.#options.clock.after(CLOSE_MS, () => this.#socket.terminate());
    void this.ended.then(takeBack);
  }

  /** Ends because something could not be done here. */
  fail(type: string, error: Error): void {
    this.#options.log.error({ error, type }, 'a message could not be handled');
    this.end(`${type} could not be handled: ${error.message}`, CLOSE.failed);
  }

  /** Ends at once, as for a server that does not answer any more. */
  terminate(reason: string): void {
    this.#reason ??= reason;
    this.#isOver = true;
    this.#outbox.stop();
    this.#socket.terminate();
  }

  #take(data: unknown, isBinary: boolean): void {
    if (this.#isOver) return;
    this.#options.onHeard();
    const checked = isBinary
      ? ({ ok: false, problems: ['messages are text'] } as const)
      : checkServerFrame(parsed(String(data)));
    if (checked.ok) this.#pass(checked.value);
    else if ('unknownType' in checked) this.#passOver(checked.unknownType ?? '');
    else
      this.end(`the server sent what is no message: ${checked.problems.join('; ')}`, CLOSE.policy);
  }

  #pass(frame: ServerFrame): void {
    if (frame.type === 'goodbye') {
      this.#goodbye = frame;
      this.end(`goodbye, ${frame.reason}: ${frame.detail}`, CLOSE.normally);
      return;
    }
    try {
      this.#options.onFrame(frame);
    } catch (error) {
      this.fail(frame.type, error as Error);
    }
  }

  /** A newer server may say what this agent does not know. */
  #passOver(type: string): void {
    const shown = type.slice(0, 100);
    if (this.#unknown.has(shown) || this.#unknown.size >= MAX_UNKNOWN_TYPES) return;
    this.#unknown.add(shown);
    this.#options.log.info({ type: shown }, 'messages of an unknown type are passed over');
  }

  /** The server, or something before it, answers by HTTP only. */
  #sentAway(response: IncomingMessage): void {
    const { clock } = this.#options;
    this.#retryAfterMs = retryAfterMs(response.headers['retry-after'], clock.now());
    this.terminate(answered(response.statusCode ?? 0));
  }

  #close(code: number, said: string): Ending {
    this.#isOver = true;
    this.#outbox.stop();
    const broken = `the connection ended with code ${code}${said === '' ? '' : `: ${said}`}`;
    return {
      reason: this.#reason ?? broken,
      goodbye: this.#goodbye,
      retryAfterMs: this.#retryAfterMs,
    };
  }
}

/** Also where the cluster has replaced its authority while this host was off. */
const UNTRUSTED =
  'its authority is none that this host trusts; to trust another one: ' +
  'halflap agent --enrol TOKEN --ca-pin DIGEST';
const UNAUTHORIZED = 401;

function answered(status: number): string {
  const more =
    'it does not take the certificate of this host; halflap agent --enrol TOKEN gets another one';
  return `the server answers ${status}${status === UNAUTHORIZED ? `: ${more}` : ''}`;
}

/** Undefined where it is no JSON, which is no message either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
