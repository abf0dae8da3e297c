// Reads where shards stand again and again, for whoever watches many of them: one session for each
// shard, which is kept for the next time.
//
// Invariants: a shard that does not answer costs its own time and nobody else's, and that begins
// with its turn; a session that broke while nobody used it is replaced without a word.

import type { Bundle } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { readKnown, type ShardStatus, type ShardUrl, unreadable } from './fleet.js';

export interface ReaderOptions {
  /** How long a shard is waited for, in ms. */
  readonly timeoutMs: number;
}

/** What is known of a shard, and whether contract may trust its last verify. */
export type KnownStatus = ShardStatus & { readonly isVerified: boolean };

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
  async read(url: ShardUrl, bundle: Bundle | null): Promise<KnownStatus> {
    if (typeof url !== 'string') return { ...unreadable(url), isVerified: false };
    await this.#turn();
    const leave = this.#leaving();
    const slow = setTimeout(leave, SLOW_MS);
    try {
      return await this.#inTime(url, bundle);
    } finally {
      clearTimeout(slow);
      leave();
    }
  }

  /** Ends what is kept. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const kept = [...this.#kept.values()];
    this.#kept.clear();
    for (const { forget } of kept) clearTimeout(forget);
    await Promise.all(kept.map(({ session }) => ended(session)));
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
  async #inTime(url: string, bundle: Bundle | null): Promise<KnownStatus> {
    let isLate = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<KnownStatus>((resolve) => {
      timer = setTimeout(() => {
        isLate = true;
        const error = new Error(`no answer in ${this.#timeoutMs / 1000} s`);
        resolve({ ...unreadable(error), isVerified: false });
      }, this.#timeoutMs);
    });
    const read = this.#read(url, bundle, (session) => {
      if (isLate || this.#isClosed || this.#kept.has(url)) void ended(session);
      else this.#keep(url, session);
    }).catch((error: unknown) => ({ ...unreadable(error), isVerified: false }));
    try {
      return await Promise.race([read, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #read(
    url: string,
    bundle: Bundle | null,
    giveBack: (session: Session) => void,
  ): Promise<KnownStatus> {
    const kept = this.#take(url);
    if (kept !== undefined) {
      try {
        const known = await readKnown(kept, bundle);
        giveBack(kept);
        return known;
      } catch {
        // It may have been broken for long: a new one tells.
        void ended(kept);
      }
    }
    const session = await connect(url, 'status', { timeoutMs: this.#timeoutMs });
    try {
      const known = await readKnown(session, bundle);
      giveBack(session);
      return known;
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
