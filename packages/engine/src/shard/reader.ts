// Reads where shards stand again and again, for whoever watches many of them: one session for each
// shard, which is kept for the next time.
//
// Invariants: a shard that does not answer costs its own time and nobody else's, and that begins
// with its turn; a session that broke while nobody used it is replaced without a word.

import type { Bundle } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { contractEvidence, type Finding } from './evidence.js';
import { type ShardUrl, unreadable } from './fleet.js';
import { readStaleVerify } from './freshness.js';
import { LIMITS } from './limits.js';
import { readState, type ShardState } from './state.js';
import { readStatus, type ShardStatus } from './status.js';

export interface ReaderOptions {
  /** How long a shard is waited for, in ms. */
  readonly timeoutMs: number;
}

/** Shards that are asked at the same moment: more of them only wait for each other. */
const AT_ONCE = 32;
/** A shard that takes longer lets the next one begin. */
const SLOW_MS = 250;
/** For so long a session is kept that nobody uses. */
const KEPT_MS = 60_000;

interface Kept {
  readonly session: Session;
  readonly forget: NodeJS.Timeout;
}

export class ShardReader {
  readonly #timeoutMs: number;
  readonly #kept = new Map<string, Kept>();
  readonly #waiting: (() => void)[] = [];
  #busy = 0;
  #isClosed = false;

  constructor({ timeoutMs }: ReaderOptions) {
    this.#timeoutMs = timeoutMs;
  }

  /** Never throws for what the shard is or is not; the answer says it. */
  async read(url: ShardUrl): Promise<ShardStatus> {
    try {
      return await this.#ask(url, readStatus);
    } catch (error) {
      return unreadable(error);
    }
  }

  /** Whether contract may trust the last verify of a shard that is dual. False if it is silent. */
  async isVerified(url: ShardUrl, bundle: Bundle): Promise<boolean> {
    const ask = (session: Session) => readStaleVerify(session, bundle, LIMITS.verifyFreshMs);
    return this.#ask(url, ask).then(
      (stale) => stale.length === 0,
      () => false,
    );
  }

  /** What stands against contract there, watched for so long. @throws when it cannot be read */
  contractEvidence(url: ShardUrl, bundle: Bundle, windowMs: number): Promise<readonly Finding[]> {
    const options = { windowMs, verifyFreshMs: LIMITS.verifyFreshMs };
    return this.#ask(url, (session) => contractEvidence(session, bundle, options));
  }

  /**
   * Which release it has, and where it stands: a small part of the same. Null where Halflap never
   * was. @throws when it cannot be read
   */
  readState(url: ShardUrl): Promise<ShardState | null> {
    return this.#ask(url, (session) => readState(session, 'of this url'));
  }

  /** Ends what is kept. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    for (const { forget } of kept) clearTimeout(forget);
    await Promise.all(kept.map(({ session }) => ended(session)));
  }

  async #ask<Value>(url: ShardUrl, work: (session: Session) => Promise<Value>): Promise<Value> {
    if (typeof url !== 'string') throw url;
    await this.#turn();
    const leave = this.#leaving();
    const slow = setTimeout(leave, SLOW_MS);
    try {
      return await this.#inTime(url, work);
    } finally {
      clearTimeout(slow);
      leave();
    }
  }

  async #turn(): Promise<void> {
    if (this.#busy >= AT_ONCE) await new Promise<void>((go) => this.#waiting.push(go));
    this.#busy += 1;
  }

  #leaving(): () => void {
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#busy -= 1;
      this.#waiting.shift()?.();
    };
  }

  /** What comes too late is thrown away, with its session. */
  async #inTime<Value>(url: string, work: (session: Session) => Promise<Value>): Promise<Value> {
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        isLate = true;
        reject(new Error(`no answer in ${this.#timeoutMs / 1000} s`));
      }, this.#timeoutMs);
    });
    const worked = this.#work(url, work, (session) => {
      if (isLate || this.#isClosed || this.#kept.has(url)) void ended(session);
      else this.#keep(url, session);
    });
    try {
      return await Promise.race([worked, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #work<Value>(
    url: string,
    work: (session: Session) => Promise<Value>,
    giveBack: (session: Session) => void,
  ): Promise<Value> {
    const kept = this.#take(url);
    if (kept !== undefined) {
      try {
        const value = await work(kept);
        giveBack(kept);
        return value;
      } catch {
        // It may have been broken for long: a new one tells.
        void ended(kept);
      }
    }
    const session = await connect(url, 'status', { timeoutMs: this.#timeoutMs });
    try {
      const value = await work(session);
      giveBack(session);
      return value;
    } catch (error) {
      void ended(session);
      throw error;
    }
  }

  #take(url: string): Session | undefined {
    const kept = this.#kept.get(url);
    if (kept === undefined) return undefined;
    this.#kept.delete(url);
    clearTimeout(kept.forget);
    return kept.session;
  }

  #keep(url: string, session: Session): void {
    const forget = setTimeout(() => {
      this.#kept.delete(url);
      void ended(session);
    }, KEPT_MS);
    forget.unref();
    this.#kept.set(url, { session, forget });
  }
}

/** One that is broken already has nothing to say any more. */
function ended(session: Session): Promise<void> {
  return session.end().catch(() => {});
}
