// Jobs and their runs as the API shows them.

import { ORDER_KINDS, Work } from '@halflap/protocol/agent';
import { type Static, Type } from 'typebox';
import { JOB_STATES, type JobRow } from '../jobs/job.js';
import type { Counts, RunRow } from '../jobs/queries.js';
import { RUN_STATES } from '../jobs/run.js';
import { hostFilters } from './host-query.js';
import { isoOf } from './host-shapes.js';
import { count, id, instant, nullable, oneOf } from './shapes.js';

/** Hosts that a request can name: its body has a limit. */
const MOST_NAMED = 5000;

const { state: _, ...filters } = hostFilters;
/** Filters of active hosts, all of which must hold; none: every active host. */
export const targetFilters = filters;

export const JobTarget = Type.Object(
  {
    ...targetFilters,
    hosts: Type.Optional(
      Type.Array(id(), { minItems: 1, maxItems: MOST_NAMED, description: 'Among these only.' }),
    ),
  },
  { additionalProperties: false },
);
export type JobTarget = Static<typeof JobTarget>;

export const PreviewHost = Type.Object({
  id: id(),
  hostname: Type.String(),
  online: Type.Boolean(),
  allowed: Type.Boolean({ description: 'Whether its own policy file allows the kind.' }),
});

const summary = {
  id: id(),
  name: Type.String(),
  kind: oneOf(ORDER_KINDS),
  state: oneOf(JOB_STATES),
  hosts: Type.Integer({ description: 'Those that whoever asks may see.' }),
  counts: Type.Partial(
    Type.Object(
      Object.fromEntries(RUN_STATES.map((state) => [state, count()])) as Record<
        (typeof RUN_STATES)[number],
        ReturnType<typeof count>
      >,
    ),
  ),
  createdBy: Type.String(),
  createdAt: instant(),
  endedAt: nullable(instant()),
};

export const JobSummary = Type.Object(summary);
export type JobSummary = Static<typeof JobSummary>;

export const Job = Type.Object({
  ...summary,
  work: Work,
  target: Type.Unsafe<object>({
    ...{ type: 'object', additionalProperties: true },
    description: 'What its hosts were chosen by; `hosts` is how many were named.',
  }),
  digest: Type.String(),
  batches: count(),
  concurrency: count(),
  stopAfter: nullable(count()),
  waitSeconds: count(),
  timeoutSeconds: count(),
  lostSeconds: count(),
  outputLimitBytes: count(),
  deadlineAt: instant(),
  retryOf: nullable(id()),
  stopReason: nullable(Type.String()),
  silentShards: Type.Array(Type.String(), {
    description: 'They do not answer: the job cannot end before they do.',
  }),
});
export type Job = Static<typeof Job>;

export const JobRun = Type.Object({
  id: id(),
  host: id(),
  hostname: Type.String(),
  batch: count(),
  state: oneOf(RUN_STATES),
  message: nullable(Type.String()),
  exitCode: nullable(Type.Integer()),
  signal: nullable(Type.String()),
  beginBefore: nullable(instant()),
  releasedAt: nullable(instant()),
  sentAt: nullable(instant()),
  beganAt: nullable(instant()),
  endedAt: nullable(instant()),
  outputBytes: count(),
  droppedBytes: Type.Integer({ minimum: 0, description: 'Output that was left out.' }),
  saidLater: nullable(
    Type.Unsafe<object>({
      ...{ type: 'object', additionalProperties: true },
      description: 'What the host said after it had been given up.',
    }),
  ),
});
export type JobRun = Static<typeof JobRun>;

export const JobOutput = Type.Object({
  state: oneOf(RUN_STATES),
  pieces: Type.Array(
    Type.Object({
      number: count(),
      stream: oneOf(['stdout', 'stderr']),
      text: Type.String(),
      at: instant(),
    }),
  ),
  droppedBytes: count(),
  next: Type.Integer({ description: 'The number to go on from.' }),
  more: Type.Boolean({ description: 'There are more pieces already.' }),
});
export type JobOutput = Static<typeof JobOutput>;

/** @param hosts how many of them whoever asks may see */
export function jobSummaryOf(job: JobRow, counts: Counts, hosts: number): JobSummary {
  return {
    id: job.id,
    name: job.name,
    kind: job.kind,
    state: job.state,
    hosts,
    counts,
    createdBy: job.created_by,
    createdAt: job.created_at.toISOString(),
    endedAt: isoOf(job.ended_at),
  };
}

export interface JobSeen {
  readonly counts: Counts;
  readonly hosts: number;
  readonly silent: readonly string[];
}

export function jobOf(job: JobRow, { counts, hosts, silent }: JobSeen): Job {
  return {
    ...jobSummaryOf(job, counts, hosts),
    work: job.work,
    target: job.target as object,
    digest: job.digest,
    batches: job.batches,
    concurrency: job.concurrency,
    stopAfter: job.stop_after,
    waitSeconds: job.wait_seconds,
    timeoutSeconds: job.timeout_seconds,
    lostSeconds: job.lost_seconds,
    outputLimitBytes: job.output_limit_bytes,
    deadlineAt: job.deadline_at.toISOString(),
    retryOf: job.retry_of,
    stopReason: job.stop_reason,
    silentShards: [...silent],
  };
}

export function jobRunOf(row: RunRow): JobRun {
  return {
    id: row.id,
    host: row.host_id,
    hostname: row.hostname,
    batch: row.batch,
    state: row.state,
    message: row.message,
    exitCode: row.exit_code,
    signal: row.signal,
    beginBefore: isoOf(row.begin_before),
    releasedAt: isoOf(row.released_at),
    sentAt: isoOf(row.sent_at),
    beganAt: isoOf(row.began_at),
    endedAt: isoOf(row.ended_at),
    outputBytes: row.kept_bytes,
    droppedBytes: row.dropped_bytes,
    saidLater: row.said_later as object | null,
  };
}
