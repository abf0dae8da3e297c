// Hosts whose shard is lost: somebody gives them up, and their runs end as lost.
//
//   waited for ──give up──► given up (noted on the home shard, counts as lost)
//                              └──the shard is back──► what the host had said by then stands, what
//                                                      is open there ends as lost
//
// Invariant: a host is given up only while its shard does not answer, or while no shard has it; and
// until the shard has the end, too, the home shard knows it.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { writeHosts } from '../store/many-hosts.js';
import type { Store } from '../store/store.js';
import type { Counted } from './census.js';
import { noJob } from './create.js';
import { type Group, JOB_COLUMNS, type JobRow } from './job.js';
import { runIdOf } from './run.js';
import { type Driven, type JobHost, makeRuns } from './transitions.js';

/** Stands in a census for all shards that were given up; no shard may be called so. */
export const GIVEN_UP = '(given up)';
/** The message of such a run. */
export const GIVEN_UP_BECAUSE = 'it was given up: its shard did not answer';
const ORPHAN_BECAUSE = 'it was given up: the home shard knows nothing of its job';

/** Rows that one look at jobs that have ended takes on. */
const LOOK = 2000;

export interface GivenUp {
  readonly hosts: number;
  /** That do not answer. */
  readonly shards: readonly string[];
}

/**
 * Within a transaction of the home shard. Of a job that the home shard has lost, all runs that are
 * open on any shard that answers.
 * @throws API_NOT_FOUND; API_CONFLICT when the job has ended, or when nothing is to be given up.
 */
export async function giveUp(client: ClientBase, store: Store, jobId: string): Promise<GivenUp> {
  // First: a shard may take its time to be silent, and nobody should wait behind the row for that.
  const { silent } = await store.refresh();
  const { rows } = await client.query<{ ended_at: Date | null }>(
    'select ended_at from jobs where id = $1 for update',
    [jobId],
  );
  const [job] = rows;
  if (job === undefined) return { hosts: await giveUpOrphan(store, jobId), shards: silent };
  if (job.ended_at !== null) {
    throw new HalflapError('API_CONFLICT', 'the job has ended', { hint: 'look at its runs' });
  }
  const hosts = await lostHosts(client, store, { jobId, silent });
  if (hosts.length === 0) {
    throw new HalflapError('API_CONFLICT', 'every shard with hosts of this job answers', {
      hint: 'to end it: halflap jobs cancel',
    });
  }
  await client.query(
    `update job_hosts as j set given_up_run = g.run, given_up_at = now()
     from unnest($2::uuid[], $3::uuid[]) as g (host, run)
     where j.job_id = $1 and j.host_id = g.host`,
    [jobId, hosts, hosts.map((host) => runIdOf(jobId, host))],
  );
  return { hosts: hosts.length, shards: silent };
}

async function lostHosts(
  client: ClientBase,
  store: Store,
  { jobId, silent }: { readonly jobId: string; readonly silent: readonly string[] },
): Promise<string[]> {
  const { rows } = await client.query<{ host_id: string }>(
    'select host_id from job_hosts where job_id = $1 and given_up_at is null',
    [jobId],
  );
  const isLost = (host: string) => {
    const shard = store.shardNameOf(host);
    return shard === undefined || silent.includes(shard);
  };
  return rows.map(({ host_id }) => host_id).filter(isLost);
}

/** A job's hosts are noted before its runs are made: one without a job is of a job that is lost. */
async function giveUpOrphan(store: Store, jobId: string): Promise<number> {
  const { rows } = await store.gather<{ host_id: string }>(
    'select host_id from job_runs where job_id = $1 and ended_at is null',
    [jobId],
    { timeoutMs: ANSWER_MS },
  );
  const hosts = rows.map(({ host_id }) => host_id);
  const ended = await writeHosts(store, hosts, async (client, some) => {
    await endOpen(client, { jobId, hosts: some, because: ORPHAN_BECAUSE });
    return some;
  });
  if (ended.rows.length === 0) throw noJob(jobId);
  return ended.rows.length;
}

/** How long shards are waited for. */
const ANSWER_MS = 4000;

export interface WithGivenUp {
  readonly counted: Counted;
  /** Hosts that were given up, and whose shard answers now. */
  readonly back: readonly JobHost[];
}

/**
 * Counts hosts that were given up as lost. A job waits for silent shards with hosts of its own that
 * were not given up, and for no others.
 */
export async function countGivenUp(
  store: Store,
  jobId: string,
  heard: Counted,
): Promise<WithGivenUp> {
  const hosts = await readHosts(store, jobId, 'is not null');
  if (hosts.length === 0 && heard.silent.length === 0) return { counted: heard, back: [] };
  const silent = await awaited(store, jobId, heard.silent);
  const left = heard.silent.filter((shard) => !silent.includes(shard));
  const census = {
    ...heard.census,
    ...Object.fromEntries(left.map((shard) => [shard, []])),
    ...(hosts.length === 0 ? {} : { [GIVEN_UP]: groupsOf(hosts) }),
  };
  const isBack = ({ host }: JobHost) => {
    const shard = store.shardNameOf(host);
    return shard !== undefined && shard in heard.census && !heard.silent.includes(shard);
  };
  return { counted: { ...heard, census, silent }, back: hosts.filter(isBack) };
}

/** Those of silent shards that have hosts of the job which were not given up. */
export async function awaited(
  store: Store,
  jobId: string,
  silent: readonly string[],
): Promise<string[]> {
  if (silent.length === 0) return [];
  const hosts = await readHosts(store, jobId, 'is null');
  const shards = new Set(hosts.map(({ host }) => store.shardNameOf(host)));
  return silent.filter((shard) => shards.has(shard));
}

function groupsOf(hosts: readonly JobHost[]): Group[] {
  const counts = new Map<number, number>();
  for (const { batch } of hosts) counts.set(batch, (counts.get(batch) ?? 0) + 1);
  return [...counts].map(([batch, count]) => {
    return { batch, state: 'lost', hasTurn: true, isReady: false, count };
  });
}

async function readHosts(store: Store, jobId: string, which: 'is null' | 'is not null') {
  const { rows } = await store.home.query<{ host: string; batch: number }>(
    `select host_id as host, batch from job_hosts where job_id = $1 and given_up_at ${which}`,
    [jobId],
    { timeoutMs: ANSWER_MS },
  );
  return rows;
}

/** Ends on their shards what was given up. @returns whether anything was to be done. */
export async function settleGivenUp(
  store: Store,
  driven: Driven,
  back: readonly JobHost[],
): Promise<boolean> {
  const byHost = new Map(back.map((one) => [one.host, one]));
  const settled = await writeHosts(store, [...byHost.keys()], async (client, hosts) => {
    const those = hosts.flatMap((host) => byHost.get(host) ?? []);
    await makeRuns(client, driven, those);
    await endOpen(client, { jobId: driven.job.id, hosts, because: GIVEN_UP_BECAUSE });
    return hosts;
  });
  if (settled.rows.length === 0) return false;
  await store.home.query(
    `update job_hosts set given_up_run = null, given_up_at = null
     where job_id = $1 and host_id = any($2::uuid[])`,
    [driven.job.id, settled.rows],
  );
  return true;
}

/** The same for jobs that have ended, which nobody drives. Idempotent; any server may do it. */
export async function settleEnded(store: Store): Promise<void> {
  const { rows } = await store.home.query<{ job_id: string; host: string; batch: number }>(
    `select h.job_id, h.host_id as host, h.batch
     from job_hosts as h
     join jobs as j on j.id = h.job_id and j.ended_at is not null
     where h.given_up_at is not null
     limit $1`,
    [LOOK],
    { timeoutMs: ANSWER_MS },
  );
  if (rows.length === 0) return;
  const { silent } = await store.refresh();
  const back = rows.filter(({ host }) => {
    const shard = store.shardNameOf(host);
    return shard !== undefined && !silent.includes(shard);
  });
  for (const jobId of new Set(back.map(({ job_id }) => job_id))) {
    const { rows: jobs } = await store.home.query<JobRow>(
      `select ${JOB_COLUMNS} from jobs as j where j.id = $1`,
      [jobId],
    );
    const [job] = jobs;
    const hosts = back.filter(({ job_id }) => job_id === jobId);
    if (job !== undefined) await settleGivenUp(store, { job, fence: 0 }, hosts);
  }
}

interface Ended {
  readonly jobId: string;
  readonly hosts: readonly string[];
  readonly because: string;
}

async function endOpen(client: ClientBase, { jobId, hosts, because }: Ended): Promise<void> {
  await client.query(
    `update job_runs
     set state = 'lost', ended_at = now(), order_text = null, message = $3
     where job_id = $1 and host_id = any($2::uuid[]) and ended_at is null`,
    [jobId, hosts, because],
  );
}
