// What a session does for: whoever tells facts, runs orders and reads journals. A session knows no
// more of them than this, and they know nothing of connections.

import type {
  Begun,
  Cancel,
  Ended,
  Hello,
  Journal,
  JournalAsked,
  Output,
  OutputKept,
  Report,
  ResultKept,
  Run,
} from '@halflap/protocol/agent';

/** Where facts come from. */
export interface Reports {
  /** The last revision that a server has acknowledged; 0 for none. */
  readonly acknowledged: number;
  /**
   * The messages of the next revision to be told, in their order; empty when a server has
   * acknowledged all. The same again until `reported` is called. Whoever gets new facts wakes the
   * session.
   */
  pending(): readonly Report[];
  /** A server has stored a revision; `isNeeded`: it has that one, and wants all facts anew. */
  reported(revision: number, isNeeded: boolean): void;
  /** How often facts are looked at, from now on. */
  everySeconds(seconds: number): void;
}

/** @returns false when the session has ended before the message could be sent. */
export type Emit = (frame: Begun | Output | Ended) => Promise<boolean>;

/** Who runs orders. */
export interface Orders {
  /** Begun, and their result acknowledged by no server. */
  unfinished(): readonly string[];
  /**
   * A session has begun: everything that no server has acknowledged is told by `emit`, and what
   * comes later; one message after the other, each once the one before is on its way.
   */
  opened(emit: Emit): void;
  /** What was emitted and not acknowledged is told in the next session. */
  closed(): void;
  take(run: Run): void;
  cancel(cancel: Cancel): void;
  outputKept(kept: OutputKept): void;
  resultKept(kept: ResultKept): void;
}

/** Reads the last lines of a service's journal. What it throws is told to the server. */
export type ReadJournal = (asked: JournalAsked, signal: AbortSignal) => Promise<Journal['lines']>;

/** What an agent says of itself, asked at each connection. */
export type About = Pick<Hello, 'agentVersion' | 'abilities' | 'allowed'>;
