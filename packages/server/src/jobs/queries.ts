// Jobs and their runs, to be shown. Jobs are on the home shard, runs on the shards of their hosts: a
// shard that is away takes away its runs, and the answer says which one.

import type { OrderBy, Outcome } from '@halflap/client';
import type { Store } from '../store/store.js';
import { ANSWER_MS } from './census.js';
import { noJob } from './create.js';
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
  const { rows: groups, outcomes } = await store.gather<{ state: RunState; count: number }>(
    'select state, count(*)::int as count from job_runs where job_id = $1 group by state',
    [id],
    { timeoutMs: ANSWER_MS },
  );
  const silent = outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard);
  const told = silent.flatMap((shard) => job.census[shard] ?? []);
  const counts: Counts = {};
  for (const { state, count } of [...groups, ...told]) {
    counts[state] = (counts[state] ?? 0) + count;
  }
  return { job, counts, silent };
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

const RUN_COLUMNS = `r.id, r.job_id, r.host_id, r.hostname, r.batch, r.state,
  coalesce(r.message, r.cancel_reason) as message, r.exit_code, r.signal, r.begin_before,
  r.released_at, r.sent_at, r.began_at, r.ended_at, r.output_kept_bytes::float8 as kept_bytes,
  r.output_dropped_bytes::float8 as dropped_bytes, r.said_later`;

export interface RunsAsked {
  readonly job: string;
  readonly states: readonly RunState[] | null;
  /** A part of the host's name. */
  readonly search: string | null;
  /** Which hosts whoever asks may see: a condition on `h`; a removed host has no row there. */
  readonly where: HostCondition;
  /** The last run of the page before. */
  readonly after: { readonly hostname: string; readonly id: string } | null;
  readonly limit: number;
}

export interface SeenRuns {
  /** By the host's name, in order of code points, then by id. */
  readonly runs: readonly RunRow[];
  readonly outcomes: readonly Outcome[];
}

const BY_NAME: readonly OrderBy[] = [{ column: 'sort_key' }, { column: 'id' }];

export async function listRuns(store: Store, asked: RunsAsked): Promise<SeenRuns> {
  const { where, after, limit } = asked;
  const values: unknown[] = [...where.values];
  const place = (value: unknown) => `$${values.push(value)}`;
  const conditions = [`r.job_id = ${place(asked.job)}`, `(${where.text})`];
  if (asked.states !== null) conditions.push(`r.state = any(${place(asked.states)}::text[])`);
  if (asked.search !== null) {
    conditions.push(`strpos(lower(r.hostname), lower(${place(asked.search)})) > 0`);
  }
  if (after !== null) {
    const [hostname, id] = [place(after.hostname), place(after.id)];
    conditions.push(`(r.hostname collate "C", r.id) > (${hostname}::text, ${id}::uuid)`);
  }
  const { rows, outcomes } = await store.gather<RunRow & { sort_key: string }>(
    `select ${RUN_COLUMNS}, r.hostname collate "C" as sort_key
     from job_runs as r
     left join hosts as h on h.id = r.host_id
     where ${conditions.join(' and ')}
     order by r.hostname collate "C", r.id
     limit ${place(limit)}`,
    values,
    { orderBy: BY_NAME, limit, timeoutMs: ANSWER_MS },
  );
  const seen = new Set<string>();
  return { runs: rows.filter(({ id }) => !seen.has(id) && seen.add(id)), outcomes };
}
