// Jobs begin, and are told to stop. All of it is on the home shard, in one transaction: a server
// that drives the job does the rest.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import type { Store } from '../store/store.js';
import type { JobRow } from './job.js';
import { JOB_COLUMNS } from './job.js';
import { isOpen, RETRIED_STATES, type RunState } from './run.js';
import { checkWork, DEFAULTS, hostsOf, invalid, type JobSpec } from './spec.js';
import { compare, digestOf, type Preview, previewHosts, type Target } from './target.js';

/** Who asks, for people. */
export interface By {
  readonly by: string;
}

export interface NewJob extends By {
  readonly spec: JobSpec;
  /** What the hosts were chosen by, for people. */
  readonly about: object;
  /** Of the preview. */
  readonly digest: string;
  readonly retryOf?: string;
  /** Where it follows from what it is for, so that it is not made twice; default: random. */
  readonly id?: string;
}

/**
 * The hosts that a target gives, in their order, where they are those of the preview.
 * @throws API_CONFLICT when they are others; API_INVALID when there are none, or when some that are
 * named are not there; STORE_UNAVAILABLE when those may be on a shard that does not answer;
 * API_INVALID for work that no agent takes.
 */
export async function chooseHosts(
  store: Store,
  target: Target,
  { spec, digest }: Pick<NewJob, 'spec' | 'digest'>,
): Promise<readonly string[]> {
  checkWork(spec.work);
  const preview = await previewHosts(store, target, spec.work.kind);
  if (preview.missing.length > 0) {
    if (preview.silent.length > 0) throw unknownHosts(preview);
    const some = preview.missing.slice(0, 5).join(', ');
    throw invalid('body.target.hosts', `active hosts; ${preview.missing.length} are none: ${some}`);
  }
  if (preview.hosts.length === 0) throw invalid('body.target', 'hosts, and there are none');
  if (preview.digest === digest) return preview.hosts.map(({ id }) => id);
  throw new HalflapError('API_CONFLICT', 'the hosts are others than those of the preview', {
    hint: 'preview them again; or name the hosts of the preview, which then cannot change',
  });
}

function unknownHosts({ missing, silent }: Preview): HalflapError {
  const shards = silent.join(', ');
  return new HalflapError(
    'STORE_UNAVAILABLE',
    `shards do not answer, and may have ${missing.length} of the hosts that are named: ${shards}`,
    { hint: 'repeat it; if it lasts, look at the shards with halflap status' },
  );
}

/**
 * Within a transaction of the home shard.
 * @param hosts in the order in which batches take them
 * @returns the job's id
 */
export async function createJob(
  client: ClientBase,
  hosts: readonly string[],
  job: NewJob,
): Promise<string> {
  const { spec, digest, about, by, retryOf = null, id = randomUUID() } = job;
  const total = hosts.length;
  const limits = { ...DEFAULTS, ...spec };
  const batch = Math.min(total, spec.batch ? hostsOf(spec.batch, total) : total);
  const stopAfter = spec.stopAfter ? hostsOf(spec.stopAfter, total) : null;
  await client.query(
    `insert into jobs (id, name, kind, work, target, digest, total, batches, concurrency,
       stop_after, wait_seconds, timeout_seconds, lost_seconds, output_limit_bytes, deadline_at,
       retry_of, created_by)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
       now() + make_interval(secs => $15), $16, $17)`,
    [
      ...[id, spec.name, spec.work.kind, JSON.stringify(spec.work), JSON.stringify(about), digest],
      ...[total, Math.ceil(total / batch), limits.concurrency, stopAfter, limits.waitSeconds],
      ...[limits.timeoutSeconds, limits.lostSeconds, limits.outputLimitBytes],
      ...[limits.totalSeconds, retryOf, by],
    ],
  );
  await client.query(
    `insert into job_hosts (job_id, host_id, batch)
     select $1, host, (place - 1) / $3::int
     from unnest($2::uuid[]) with ordinality as h (host, place)`,
    [id, hosts, batch],
  );
  return id;
}

/**
 * The hosts of a job that has ended, whose runs ended in one of the states.
 * @throws API_NOT_FOUND; API_CONFLICT while the job has not ended; STORE_UNAVAILABLE when a shard
 * does not answer: hosts that failed would be missing.
 */
export async function hostsToRetry(
  store: Store,
  jobId: string,
  states: readonly RunState[] = RETRIED_STATES,
): Promise<{ readonly job: JobRow; readonly hosts: readonly string[]; readonly digest: string }> {
  const { rows } = await store.home.query<JobRow>(
    `select ${JOB_COLUMNS} from jobs as j where j.id = $1`,
    [jobId],
  );
  const [job] = rows;
  if (job === undefined) throw noJob(jobId);
  if (job.ended_at === null) {
    throw new HalflapError('API_CONFLICT', 'the job has not ended', {
      hint: 'wait for its end, or cancel it',
    });
  }
  const wanted = states.filter((state) => !isOpen(state));
  const found = await store.gather<{ host_id: string; hostname: string }>(
    `select r.host_id, r.hostname
     from job_runs as r
     join hosts as h on h.id = r.host_id and h.state = 'active'
     where r.job_id = $1 and r.state = any($2::text[])
     order by r.id`,
    [jobId, wanted],
    { timeoutMs: 5000, requireAll: true },
  );
  // Of each shard in its order; of all of them in that of a preview.
  const byName = found.rows.sort((one, other) => compare(one.hostname, other.hostname));
  const hosts = [...new Set(byName.map((row) => row.host_id))];
  if (hosts.length === 0) throw invalid('body.states', 'some that hosts of the job ended in');
  return { job, hosts, digest: digestOf(hosts) };
}

/** The spec of a job, to be used again. */
export function specOf(job: JobRow): JobSpec {
  return {
    name: job.name,
    work: job.work,
    concurrency: job.concurrency,
    waitSeconds: job.wait_seconds,
    timeoutSeconds: job.timeout_seconds,
    lostSeconds: job.lost_seconds,
    outputLimitBytes: job.output_limit_bytes,
  };
}

/**
 * Within a transaction of the home shard: no further host begins, and those that have begun are
 * ended. Idempotent.
 * @throws API_NOT_FOUND; API_CONFLICT when the job has ended.
 */
export async function cancelJob(
  client: ClientBase,
  jobId: string,
  { by, reason }: By & { readonly reason: string },
): Promise<void> {
  const why = reason === '' ? `cancelled by ${by}` : `cancelled by ${by}: ${reason}`;
  const { rows } = await client.query<{ ended_at: Date | null }>(
    'select ended_at from jobs where id = $1 for update',
    [jobId],
  );
  const [row] = rows;
  if (row === undefined) throw noJob(jobId);
  if (row.ended_at !== null) {
    throw new HalflapError('API_CONFLICT', 'the job has ended', { hint: 'look at its runs' });
  }
  await client.query(
    `update jobs
     set state = 'stopping', stop_kind = 'cancelled', stop_reason = $2
     where id = $1 and stop_kind is distinct from 'cancelled'`,
    [jobId, why],
  );
}

export function noJob(id: string): HalflapError {
  return new HalflapError('API_NOT_FOUND', `there is no job ${id}, or not for you`, {
    hint: 'look at the list',
  });
}
