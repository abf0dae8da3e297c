// Jobs and their runs, to be shown. Jobs are on the home shard, runs on the shards of their hosts:
// a shard that is away takes away its runs, and the answer says which one.

import type { Store } from '../store/store.js';
import { ANSWER_MS } from './census.js';
import { noJob } from './create.js';
import { GIVEN_UP, GIVEN_UP_BECAUSE } from './give-up.js';
import { countsOf, JOB_COLUMNS, type JobRow, type JobState } from './job.js';
import type { RunState } from './run.js';
import type { HostCondition } from './target.js';

/** Newest first; `after` is the last of the page before. */
export interface JobsAsked {
  readonly states: readonly JobState[] | null;
  readonly after: { readonly createdAt: string; readonly id: string } | null;
  readonly limit: number;
}

export type ListedJob = JobRow & {
  /** As PostgreSQL prints it: a place in the list. */
  readonly created_place: string;
};

export async function listJobs(store: Store, asked: JobsAsked): Promise<readonly ListedJob[]> {
  const { rows } = await store.home.query<ListedJob>(
    `select ${JOB_COLUMNS}, j.created_at::text as created_place
     from jobs as j
     where ($1::text[] is null or j.state = any($1::text[]))
       and ($2::timestamptz is null or (j.created_at, j.id) < ($2::timestamptz, $3::uuid))
     order by j.created_at desc, j.id desc
     limit $4`,
    [asked.states, asked.after?.createdAt ?? null, asked.after?.id ?? null, asked.limit],
  );
  return rows;
}

export type Counts = Partial<Record<RunState, number>>;

export interface SeenCounts {
  /** Runs by state, of each job; a job without any that may be seen is not there. */
  readonly counts: ReadonlyMap<string, Counts>;
  /** Shards that did not answer. */
  readonly silent: readonly string[];
}

/**
 * Runs of jobs by state, as the shards have them now.
 * @param where which hosts count: a condition on `h`; a host that was removed has no row there
 */
export async function countByState(
  store: Store,
  jobs: readonly string[],
  where: HostCondition,
): Promise<SeenCounts> {
  const { rows, outcomes } = await store.gather<{ job_id: string; state: RunState; n: number }>(
    `select r.job_id, r.state, count(*)::int as n
     from job_runs as r
     left join hosts as h on h.id = r.host_id
     where (${where.text}) and r.job_id = any($${where.values.length + 1}::uuid[])
     group by r.job_id, r.state`,
    [...where.values, jobs],
    { timeoutMs: ANSWER_MS },
  );
  const counts = new Map<string, Counts>();
  for (const { job_id, state, n } of rows) {
    const before = counts.get(job_id) ?? {};
    counts.set(job_id, { ...before, [state]: (before[state] ?? 0) + n });
  }
  const silent = outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard);
  return { counts, silent };
}

export interface SeenJob {
  readonly job: JobRow;
  /** Runs by state. While the job is open they may add up to less than its hosts. */
  readonly counts: Counts;
  /** Shards that did not answer: what they said last is counted. */
  readonly silent: readonly string[];
}

/** @throws API_NOT_FOUND */
export async function readJob(store: Store, id: string): Promise<SeenJob> {
  const { rows } = await store.home.query<JobRow>(
    `select ${JOB_COLUMNS} from jobs as j where j.id = $1`,
    [id],
  );
  const [job] = rows;
  if (job === undefined) throw noJob(id);
  if (job.ended_at !== null) return { job, counts: countsOf(job.census), silent: [] };
  const seen = await countByState(store, [id], { text: 'true', values: [] });
  const counts = { ...seen.counts.get(id) };
  for (const { state, count } of [...seen.silent, GIVEN_UP].flatMap(
    (shard) => job.census[shard] ?? [],
  )) {
    counts[state] = (counts[state] ?? 0) + count;
  }
  return { job, counts, silent: seen.silent };
}

export type RunRow = {
  readonly id: string;
  readonly job_id: string;
  readonly host_id: string;
  readonly hostname: string;
  readonly batch: number;
  readonly state: RunState;
  readonly message: string | null;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly begin_before: Date | null;
  readonly released_at: Date | null;
  readonly sent_at: Date | null;
  readonly began_at: Date | null;
  readonly ended_at: Date | null;
  readonly kept_bytes: number;
  readonly dropped_bytes: number;
  readonly said_later: unknown;
};

/** What a RunRow is selected by, of `job_runs as r`. */
export const RUN_COLUMNS = `r.id, r.job_id, r.host_id, r.hostname, r.batch, r.state,
  coalesce(r.message, r.cancel_reason) as message, r.exit_code, r.signal, r.begin_before,
  r.released_at, r.sent_at, r.began_at, r.ended_at, r.output_kept_bytes::float8 as kept_bytes,
  r.output_dropped_bytes::float8 as dropped_bytes, r.said_later`;

/**
 * What runs are selected from: with those that were given up, which are on the home shard. Of one
 * type in each column, so that PostgreSQL still walks the index of a job's list.
 */
export const RUNS = `(
    select id, job_id, host_id, hostname, batch, state, message, cancel_reason, exit_code, signal,
      begin_before, released_at, sent_at, began_at, ended_at, output_kept_bytes,
      output_dropped_bytes, said_later, output_next
    from job_runs
    union all
    select given_up_run, job_id, host_id, host_id::text, batch, 'lost'::text,
      '${GIVEN_UP_BECAUSE}'::text, null::text, null::int, null::text, null::timestamptz,
      null::timestamptz, null::timestamptz, null::timestamptz, given_up_at, 0::bigint, 0::bigint,
      null::jsonb, 0::int
    from job_hosts
    where given_up_at is not null
  ) as r`;
