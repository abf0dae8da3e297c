// Keeps a host connected: to any one of its servers, for as long as the agent runs.
//
//   stopped ──start──► connecting ──► greeting ──welcome──► open
//                        ▲    │           │               │
//                        │    └──────►  waiting  ◄──────────┘      by backoff.ts
//                        └─────────────────┘
//   any ──stop──► stopped        any ──goodbye, revoked──► revoked, for good
//
// Invariant: at most one connection at a time. Whoever was let down by one server asks the next
// one; the order is drawn anew in each agent, so that the servers share them.

import type { Welcome } from '@halflap/protocol/agent';
import { type Address, textOf } from '../address.js';
import { pause } from '../clock.js';
import { type Ending, waitAfter } from './backoff.js';
import { Conversation, type ConversationOptions } from './conversation.js';
import type { RunFrame } from './duties.js';
import { Renewal } from './renewal.js';

/** What a session does, for whoever wants to know. */
export type SessionState =
  | { readonly state: 'connecting'; readonly server: string }
  | { readonly state: 'greeting'; readonly server: string }
  | { readonly state: 'open'; readonly server: string; readonly welcome: Welcome }
  | { readonly state: 'waiting'; readonly ms: number; readonly because: string }
  | { readonly state: 'stopped' }
  | { readonly state: 'revoked'; readonly detail: string };

/** What ended a session for good. */
export type SessionEnd =
  | { readonly because: 'stopped' }
  | { readonly because: 'revoked'; readonly detail: string };

export interface SessionOptions
  extends Omit<ConversationOptions, 'server' | 'renewal' | 'onConnected' | 'onWelcome'> {
  /** At least one, in any order. */
  readonly servers: readonly Address[];
  readonly onState?: (state: SessionState) => void;
}

/** A session that lasts so long has not failed: the next wait is a short one again. */
const GOOD_MS = 60_000;

export class Session {
  /** What ended it: `stop`, or the servers know the host no more. Never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #options: SessionOptions;
  readonly #servers: readonly Address[];
  readonly #renewal: Renewal;
  readonly #stopping = new AbortController();
  readonly #resolveEnded: (why: SessionEnd) => void;
  #conversation: Conversation | null = null;
  #isStarted = false;
  #attempts = 0;
  /** In a row, without a good session in between. */
  #failures = 0;
  /** In a row, of servers with which there is no common revision of the protocol. */
  #foreign = 0;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#servers = shuffled(options.servers, options.random);
    this.#renewal = new Renewal(options);
    let resolveEnded: (why: SessionEnd) => void = () => {};
    this.ended = new Promise((resolve) => {
      resolveEnded = resolve;
    });
    this.#resolveEnded = resolveEnded;
  }

  /** Connects, and stays so. Once. */
  start(): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#run().then((why) => {
      if (why.because === 'stopped') this.#become({ state: 'stopped' });
      this.#resolveEnded(why);
    });
  }

  /** Ends the connection; what was not acknowledged is told the next time. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#conversation?.stop();
    if (this.#isStarted) await this.ended;
  }

  /** There are new facts to tell. */
  wake(): void {
    this.#conversation?.wake();
  }

  /**
   * Tells of a run, in the order of the calls.
   *
   * @returns false when there is no session, or it ends before that could be sent.
   */
  emit(frame: RunFrame): Promise<boolean> {
    return this.#conversation?.emit(frame) ?? Promise.resolve(false);
  }

  async #run(): Promise<SessionEnd> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const ending = await this.#converse();
      if (signal.aborted) break;
      if (ending.goodbye?.reason === 'revoked') {
        this.#revoked(ending.goodbye.detail);
        return { because: 'revoked', detail: ending.goodbye.detail };
      }
      const ms = this.#waitAfter(ending);
      this.#become({ state: 'waiting', ms, because: ending.reason });
      await pause(this.#options.clock, ms, signal);
    }
    return { because: 'stopped' };
  }

  /** One connection, to the next server, from its beginning to its end. */
  async #converse(): Promise<Ending> {
    const server = this.#servers[this.#attempts % this.#servers.length];
    if (server === undefined) throw new Error('an agent has at least one server');
    this.#attempts += 1;
    this.#become({ state: 'connecting', server: textOf(server) });
    const ending = await this.#endingWith(server);
    this.#conversation = null;
    this.#tellEnd(textOf(server), ending);
    return ending;
  }

  async #endingWith(server: Address): Promise<Ending> {
    const { clock } = this.#options;
    let takeBackGood = () => {};
    const onWelcome = (welcome: Welcome) => {
      takeBackGood = clock.after(GOOD_MS, () => {
        this.#failures = 0;
      });
      this.#welcomed(textOf(server), welcome);
    };
    const onConnected = () => this.#become({ state: 'greeting', server: textOf(server) });
    const renewal = this.#renewal;
    const options = { ...this.#options, server, renewal, onConnected, onWelcome };
    try {
      this.#conversation = new Conversation(options);
      return await this.#conversation.ended;
    } catch (error) {
      // Certificates on the disk that TLS cannot read.
      return { reason: (error as Error).message, goodbye: null, retryAfterMs: null };
    } finally {
      takeBackGood();
    }
  }

  #welcomed(server: string, welcome: Welcome): void {
    this.#options.log.info({ server, fence: welcome.fence }, 'connected');
    this.#become({ state: 'open', server, welcome });
  }

  #waitAfter(ending: Ending): number {
    const { random } = this.#options;
    this.#foreign = ending.goodbye?.reason === 'protocol' ? this.#foreign + 1 : 0;
    const isEverywhere =
      ending.goodbye?.reason !== 'protocol' || this.#foreign >= this.#servers.length;
    const ms = waitAfter(ending, { failures: this.#failures, isEverywhere }, random);
    this.#failures += 1;
    return ms;
  }

  #tellEnd(server: string, { reason, goodbye }: Ending): void {
    const { log, clock } = this.#options;
    if (this.#stopping.signal.aborted) {
      log.info({ server }, 'disconnected');
      return;
    }
    if (goodbye?.reason === 'protocol') {
      const detail = { server, detail: goodbye.detail };
      log.error(detail, 'this agent and the server have no revision of the protocol in common');
    } else if (goodbye?.reason === 'replaced') {
      log.warn({ server }, 'another agent has connected with the identity of this host');
    } else if (goodbye?.reason === 'pending') {
      log.info({ server }, 'this host waits for somebody to approve it');
    } else {
      log.warn({ server, reason }, 'not connected');
    }
    const { endsAt } = this.#renewal;
    if (endsAt > clock.now()) return;
    const detail = { endedAt: new Date(endsAt).toISOString() };
    log.error(
      detail,
      'the certificate has ended; if the clock is right: halflap agent --enrol TOKEN',
    );
  }

  #revoked(detail: string): void {
    const { identity, clock, log } = this.#options;
    log.error({ detail }, 'this host was revoked; to manage it again: halflap agent --enrol TOKEN');
    try {
      identity.revoke(detail, clock.now());
    } catch (error) {
      // An agent that starts again asks again, and is told the same.
      log.error({ error }, 'that could not be stored');
    }
    this.#become({ state: 'revoked', detail });
  }

  #become(state: SessionState): void {
    this.#options.onState?.(state);
  }
}

/** Fisher and Yates. */
function shuffled<One>(all: readonly One[], random: () => number): One[] {
  const left = [...all];
  const drawn: One[] = [];
  while (left.length > 0) drawn.push(...left.splice(Math.floor(random() * left.length), 1));
  return drawn;
}
