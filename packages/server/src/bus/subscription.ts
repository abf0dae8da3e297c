// What a subscriber says, and what is counted of it.

import { checkName, invalid, type Message } from './message.js';

/** Settles what it does within its signal, or tolerates that it is done again. */
export type Handle = (message: Message, signal: AbortSignal) => Promise<void>;

/** A part in the work of a group: each message goes to one member, on whichever server. */
export interface Work {
  readonly group: string;
  readonly topics: readonly string[];
  /**
   * Its signal is aborted with LEASE_LOST when the message is somebody else's, and at the end of
   * the grace of stop(). An error is a failed attempt; BUS_UNREADABLE parks at once.
   */
  readonly handle: Handle;
  /** Most handlers at once on this server, 1–1000, default 8. */
  readonly concurrency?: number;
}

/** All messages of some topics, on this server alone and while it runs. */
export interface Follow {
  /** For counters and log: `views`. */
  readonly name: string;
  readonly topics: readonly string[];
  readonly handle: Handle;
  /** Something may never come, and here is why: what was derived must be read anew. */
  readonly onMissed: (why: string) => void;
  readonly concurrency?: number;
}

export interface Counters {
  /** The group, or `server/<name>` of what only this server follows. */
  readonly group: string;
  /** Since the start of this server. */
  handled: number;
  /** Attempts that failed. */
  failed: number;
  /** Given up: parked in the shard, or, of what is followed, told by onMissed. */
  parked: number;
  /** Handled here, while they had become somebody else's. */
  lost: number;
}

export function countersOf(group: string): Counters {
  return { group, handled: 0, failed: 0, parked: 0, lost: 0 };
}

/** @throws BUS_INVALID. */
export function checkTopics(topics: readonly string[]): void {
  if (topics.length === 0) throw invalid('topics', 'a list of at least one');
  for (const topic of topics) checkName('topic', topic);
}

/** As long as a reason is kept. */
const MAX_REASON = 2000;

export function reasonOf(error: unknown): string {
  return String(error instanceof Error ? error.message : error).slice(0, MAX_REASON);
}
