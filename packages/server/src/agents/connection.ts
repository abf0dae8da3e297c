// One agent's session on this server: what comes in is checked and handled one message after
// another, what goes out is refused when the agent does not read it.
//
//   greeting ──hello──► open ──goodbye, or the connection breaks──► closed
//      │ nothing for HELLO_MS, or no hello                              ▲
//      └────────────────────────────────────────────────────────────────┘
//
// Invariant: after `closed` nothing is handled and nothing sent.

import type { AgentFrame, Goodbye, Hello, ServerFrame } from '@halflap/protocol/agent';
import { checkAgentFrame, MAX_FRAME_BYTES } from '@halflap/protocol/agent';
import type { WebSocket } from 'ws';
import { Pace } from './pace.js';

/** How long a connection may be open without a hello. */
const HELLO_MS = 10_000;
/** Messages of one agent: output of a busy order comes in a few dozen a second. */
const PACE = { perSecond: 200, burst: 2000 } as const;
/** Messages that wait to be handled before the agent is not read for a while. */
const MOST_WAITING = 32;
/** What may wait to be sent to an agent that does not read. */
const MOST_UNSENT_BYTES = 16 * MAX_FRAME_BYTES;
/** Whoever has sent what is no message does not help by coming back soon. */
const AGAIN_MS = 60_000;
/** How long an agent has to close after a goodbye. */
const CLOSE_MS = 2000;

/** Codes of a closing WebSocket (RFC 6455, section 7.4.1). */
const CLOSED_NORMALLY = 1000;
const POLICY_VIOLATION = 1008;

export type Frame = Exclude<AgentFrame, Hello>;

/** What a server does with what comes. All may fail: the session then ends with `unavailable`. */
export interface Handling {
  greeted(hello: Hello): Promise<void>;
  received(frame: Frame): Promise<void>;
  /** Called once; never before a greeting under way has ended. */
  closed(): void;
  /** What the handling could not do: why, as a goodbye. */
  failed(error: unknown): Omit<Goodbye, 'type'>;
}

/** Milliseconds of a clock that never goes back. */
export type Monotonic = () => number;

export class Connection {
  /** Resolves when the session has ended and all that came before has been handled. */
  readonly ended: Promise<void>;
  readonly #resolveEnded: () => void;
  readonly #socket: WebSocket;
  readonly #handling: Handling;
  readonly #pace: Pace;
  readonly #now: Monotonic;
  readonly #helloTimer: NodeJS.Timeout;
  #work: Promise<void> = Promise.resolve();
  #waiting = 0;
  #state: 'greeting' | 'open' | 'closed' = 'greeting';
  #heardAt: number;

  constructor(socket: WebSocket, handling: Handling, now: Monotonic) {
    let resolveEnded = () => {};
    this.ended = new Promise((resolve) => {
      resolveEnded = resolve;
    });
    this.#resolveEnded = resolveEnded;
    this.#socket = socket;
    this.#handling = handling;
    this.#now = now;
    this.#heardAt = now();
    this.#pace = new Pace(PACE, now);
    const silent = { reason: 'malformed', detail: 'no hello came', reconnectAfterMs: 0 } as const;
    this.#helloTimer = setTimeout(() => this.close(silent), HELLO_MS);
    socket.on('message', (data, isBinary) => this.#take(data, isBinary));
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.#end());
  }

  /** When the last message came. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get isOpen(): boolean {
    return this.#state !== 'closed';
  }

  /** @returns false when the session has ended, or ends now because the agent does not read. */
  send(frame: ServerFrame): boolean {
    if (this.#state === 'closed') return false;
    if (this.#socket.bufferedAmount > MOST_UNSENT_BYTES) {
      this.#socket.terminate();
      this.#end();
      return false;
    }
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  /** Answers a heartbeat. */
  pong(): void {
    if (this.#state !== 'closed') this.#socket.pong();
  }

  /** Says goodbye and closes. */
  close(goodbye: Omit<Goodbye, 'type'>): void {
    if (this.#state === 'closed') return;
    this.send({ type: 'goodbye', ...goodbye });
    this.#end();
    const code = goodbye.reason === 'malformed' ? POLICY_VIOLATION : CLOSED_NORMALLY;
    this.#socket.close(code, goodbye.reason);
    setTimeout(() => this.#socket.terminate(), CLOSE_MS).unref();
  }

  /** Ends the connection as if it had broken. */
  terminate(): void {
    this.#socket.terminate();
    this.#end();
  }

  #take(data: unknown, isBinary: boolean): void {
    if (this.#state === 'closed') return;
    this.#heardAt = this.#now();
    const frame = this.#read(data, isBinary);
    if (frame === null) return;
    if (typeof frame === 'string') {
      this.close({ reason: 'malformed', detail: frame.slice(0, 1000), reconnectAfterMs: AGAIN_MS });
      return;
    }
    if (frame.type === 'hello') {
      clearTimeout(this.#helloTimer);
      this.#state = 'open';
    }
    this.#enqueue(frame);
  }

  /** The message; what is wrong with it; null when it is to be passed over. */
  #read(data: unknown, isBinary: boolean): AgentFrame | string | null {
    if (!this.#pace.allows()) return 'too many messages';
    if (isBinary) return 'messages are text';
    const checked = checkAgentFrame(parsed(String(data)));
    if (!checked.ok) {
      // What a newer agent says beside what this server knows is passed over.
      if (checked.unknownType !== undefined && this.#state === 'open') return null;
      return checked.problems.join('; ') || `unknown type ${checked.unknownType}`;
    }
    const isFirst = this.#state === 'greeting';
    const isHello = checked.value.type === 'hello';
    return isFirst === isHello ? checked.value : 'hello comes first, and once';
  }

  #enqueue(frame: AgentFrame): void {
    this.#waiting += 1;
    if (this.#waiting === MOST_WAITING) this.#socket.pause();
    this.#work = this.#work.then(() => this.#handle(frame));
  }

  async #handle(frame: AgentFrame): Promise<void> {
    try {
      if (this.#state === 'closed') return;
      if (frame.type === 'hello') await this.#handling.greeted(frame);
      else await this.#handling.received(frame);
    } catch (error) {
      this.close(this.#handling.failed(error));
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === MOST_WAITING - 1 && this.#socket.isPaused) this.#socket.resume();
    }
  }

  #end(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    clearTimeout(this.#helloTimer);
    void this.#work.then(() => {
      this.#handling.closed();
      this.#resolveEnded();
    });
  }
}

/** Undefined where it is no JSON, which is no frame either. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
