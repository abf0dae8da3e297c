// A job as the home shard has it.

import type { OrderKind, Work } from '@halflap/protocol/agent';
import type { RunState } from './run.js';

/** `running` and `stopping` are open, the others ends. */
export const JOB_STATES = [
  /** Hosts begin one after the other. */
  'running',
  /** No further host begins; those that have begun end, or are ended. */
  'stopping',
  /** All hosts succeeded. */
  'succeeded',
  /** It went through all hosts, and some did not succeed. */
  'failed',
  /** It was stopped by failures. */
  'stopped',
  'cancelled',
  /** Its total time was over. */
  'timed_out',
] as const;
export type JobState = (typeof JOB_STATES)[number];

export type StopKind = 'cancelled' | 'failures' | 'timeout';

/** The end of a job that was stopped for that. */
export const STOP_ENDS = {
  cancelled: 'cancelled',
  failures: 'stopped',
  timeout: 'timed_out',
} as const satisfies Record<StopKind, JobState>;

/** Runs of one shard that are alike. */
export interface Group {
  readonly batch: number;
  readonly state: RunState;
  /** Its batch has had its turn. */
  readonly hasTurn: boolean;
  /** Of a run that waits: whether its host is connected, and may get it now. */
  readonly isReady: boolean;
  readonly count: number;
}

/** By shard, as each answered last. */
export type Census = Readonly<Record<string, readonly Group[]>>;

export type JobRow = {
  readonly id: string;
  readonly name: string;
  readonly kind: OrderKind;
  readonly work: Work;
  readonly target: unknown;
  readonly digest: string;
  readonly total: number;
  readonly batches: number;
  readonly concurrency: number;
  readonly stop_after: number | null;
  readonly wait_seconds: number;
  readonly timeout_seconds: number;
  readonly lost_seconds: number;
  readonly output_limit_bytes: number;
  readonly deadline_at: Date;
  readonly retry_of: string | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly state: JobState;
  readonly stop_kind: StopKind | null;
  readonly stop_reason: string | null;
  readonly census: Census;
  readonly ended_at: Date | null;
};

/** What a JobRow is selected by, of `jobs as j`. */
export const JOB_COLUMNS = `j.id, j.name, j.kind, j.work, j.target, j.digest, j.total, j.batches,
  j.concurrency, j.stop_after, j.wait_seconds, j.timeout_seconds, j.lost_seconds,
  j.output_limit_bytes, j.deadline_at, j.retry_of, j.created_by, j.created_at, j.state,
  j.stop_kind, j.stop_reason, j.census, j.ended_at`;

/** The lease by which one server drives it. */
export function leaseOf(job: string): string {
  return `job/${job}`;
}

/** Runs of all shards by state. */
export function countsOf(census: Census): Partial<Record<RunState, number>> {
  const counts: Partial<Record<RunState, number>> = {};
  for (const { state, count } of Object.values(census).flat()) {
    counts[state] = (counts[state] ?? 0) + count;
  }
  return counts;
}
