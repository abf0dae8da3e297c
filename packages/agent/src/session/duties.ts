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
export interface ReportsDuty {
  /** The last revision that a server has acknowledged; 0 for none. */
  readonly acknowledged: number;
  /**
   * The messages of the next revision to be told, in their order; empty when a server has
   * acknowledged all. The same again until `reported` is called. Whoever gets new facts wakes the
   * session.
   */
  pending(): readonly Report[];
  /**
   * A server has stored a revision; `isNeeded`: it has that one, and wants all facts anew. What is
   * pending is another after the call; what it returns is resolved once that is on the disk.
   */
  reported(revision: number, isNeeded: boolean): Promise<void>;
}

/** What is told about runs. */
export type RunFrame = Begun | Output | Ended;

/** Who runs orders, and tells of them by the session's `emit`. What it throws ends the session. */
export interface OrdersDuty {
  /** Begun, and their result acknowledged by no server. */
  unfinished(): readonly string[];
  /** A session has begun: everything that no server has acknowledged is told. */
  connected(): Promise<void>;
  /** What was told and not acknowledged is told in the next session. */
  disconnected(): void;
  take(run: Run): Promise<unknown>;
  cancel(cancel: Cancel): Promise<unknown>;
  outputKept(kept: OutputKept): Promise<void>;
  resultKept(kept: ResultKept): Promise<void>;
}

/** Reads the last lines of a service's journal. What it throws is told to the server. */
export type ReadJournal = (asked: JournalAsked, signal: AbortSignal) => Promise<Journal['lines']>;

/** What an agent says of itself, asked at each connection. */
export type About = Pick<Hello, 'agentVersion' | 'abilities' | 'allowed'>;
