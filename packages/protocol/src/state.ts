// The shapes of the rows in schema `halflap` that processes of different releases read and write.
// The tables themselves are made by the engine (engine/src/shard/state.sql).
//
// Format rule: a process refuses a shard whose `halflap.format.min_reader` is above STATE_FORMAT.

import type { Phase, Verb } from './phase.js';

/** The newest state format that this code reads and the one that it writes. */
export const STATE_FORMAT = 1;

/** `halflap.shard`: exactly one row. */
export interface ShardRow {
  readonly app: string;
  /** The oldest release that the shard serves natively. */
  readonly floor: string;
  /** The newest release that it serves; the floor when settled, and once an abort has fenced. */
  readonly ceiling: string;
  readonly phase: Phase;
  /** Hash of the bundle of the evolution under way; null when settled. */
  readonly bundle_hash: string | null;
  /** An operator's wish that running verbs stop at the next batch. */
  readonly paused: boolean;
  readonly changed_at: Date;
}

/** `halflap.journal`: one row per step, written before the step acts. */
export interface JournalRow {
  readonly id: string;
  readonly verb: Verb;
  readonly evolution: string;
  readonly step: string;
  readonly runner: string;
  readonly started_at: Date;
  readonly finished_at: Date | null;
}

/** `halflap.lease`: a server that said, not long ago, that it uses this shard. */
export interface LeaseRow {
  readonly instance: string;
  readonly server: string;
  readonly release: string;
  readonly mode: 'native' | 'lens';
  readonly renewed_at: Date;
  readonly expires_at: Date;
}

/** `halflap.quarantine`: a row of one release that could not be carried to the other. */
export interface QuarantineRow {
  readonly id: string;
  readonly evolution: string;
  readonly relation: string;
  readonly key: Readonly<Record<string, unknown>>;
  readonly sqlstate: string;
  readonly reason: string;
  readonly noticed_at: Date;
}
