// One step of a job: compares what its runs are with what they should be by now, and changes what
// it can. It keeps nothing between steps that the tables do not say, so any server may do the next
// one.
//
// Invariant: what is written on the home shard is written by the owner of the lease; what is
// written on hosts' shards carries its number, and a driver with a lower one changes nothing there.

import type { ClientBase } from 'pg';
import { assertOwner, type Lease } from '../store/leases.js';
import { type ManyWritten, type Place, type WriteHosts, writeHosts } from '../store/many-hosts.js';
import type { Log, Store } from '../store/store.js';
import { ANSWER_MS, type Counted, censusText, countRuns } from './census.js';
import { type Decision, decide } from './decide.js';
import type { Doorbell } from './doorbell.js';
import { countGivenUp, settleGivenUp } from './give-up.js';
import { type Group, JOB_COLUMNS, type JobRow, type JobState, STOP_ENDS } from './job.js';
import {
  type Candidate,
  type Driven,
  DUE,
  type Due,
  giveTurn,
  type JobHost,
  makeRuns,
  raiseFence,
  release,
  settle,
} from './transitions.js';

export interface Driving {
  readonly store: Store;
  readonly doorbell: Doorbell;
  readonly log: Log;
  readonly lease: Lease;
  readonly jobId: string;
}

/** With the shards that have answered: no time is lost with the others in the same step. */
interface Step extends Driving {
  readonly shards: readonly string[];
}

/** `over`: the job has ended. `moved`: there may be more to do at once. */
export type Stepped = 'over' | 'moved' | 'quiet';

/** Runs that one step takes on of a kind. */
const STEP = 2000;

/** @throws LEASE_LOST; STORE_UNAVAILABLE and the like when the home shard is away. */
export async function step(driving: Driving): Promise<Stepped> {
  const found = await readJob(driving);
  if (found === null || found.job.ended_at !== null) return 'over';
  const driven: Driven = { job: found.job, fence: driving.lease.fence };
  const heard = await countRuns(driving.store, driven);
  const answered = Object.keys(heard.census).filter((one) => !heard.silent.includes(one));
  const on: Step = { ...driving, shards: answered };
  const { counted, back } = await countGivenUp(driving.store, driven.job.id, heard);
  if (await settleGivenUp(driving.store, driven, back)) return 'moved';
  if (await makeMissing(on, driven, counted)) return 'moved';
  if (counted.behind > 0) {
    await takeOver(on, driven);
    return 'moved';
  }
  const groups = Object.values(counted.census).flat();
  const isWhole = counted.silent.length === 0;
  const decision = decide(driven.job, { groups, isWhole, isLate: found.isLate });
  if (decision.stop !== null) {
    await stop(on, decision.stop);
    return 'moved';
  }
  if (decision.isOver) {
    await close(on, driven.job, counted);
    return 'over';
  }
  const moved = [
    await settleDue(on, driven),
    await giveTurns(on, driven, { decision, groups }),
    await releaseSome(on, driven, { decision, groups }),
  ];
  await keepCensus(on, driven.job, counted);
  return moved.some((one) => one > 0) ? 'moved' : 'quiet';
}

async function readJob({ store, jobId }: Driving) {
  const { rows } = await store.home.query<JobRow & { is_late: boolean }>(
    `select ${JOB_COLUMNS}, j.deadline_at <= now() as is_late from jobs as j where j.id = $1`,
    [jobId],
    { timeoutMs: ANSWER_MS },
  );
  const [job] = rows;
  return job === undefined ? null : { job, isLate: job.is_late };
}

/** Makes runs where a shard that answers has fewer than hosts. @returns whether it had to. */
async function makeMissing(on: Step, driven: Driven, { census }: Counted) {
  const count = (groups: readonly Group[]) => groups.reduce((sum, one) => sum + one.count, 0);
  if (count(Object.values(census).flat()) >= driven.job.total) return false;
  const hosts = await readHosts(on);
  const lacking = new Set(
    on.shards.filter((shard) => {
      const expected = hosts.filter(({ host }) => on.store.shardNameOf(host) === shard);
      return count(census[shard] ?? []) < expected.length;
    }),
  );
  const missing = new Map(
    hosts
      .filter(({ host }) => lacking.has(on.store.shardNameOf(host) ?? ''))
      .map((one) => [one.host, one]),
  );
  if (missing.size === 0) return false;
  const written = await write(on, [...missing.keys()], async (client, some) => {
    const those = some.flatMap((host) => missing.get(host) ?? []);
    await makeRuns(client, driven, those);
    return those;
  });
  return written.rows.length > 0;
}

async function readHosts({ store, jobId }: Driving): Promise<JobHost[]> {
  const { rows } = await store.home.query<{ host: string; batch: number }>(
    `select host_id as host, batch from job_hosts where job_id = $1 and given_up_at is null`,
    [jobId],
  );
  return rows;
}

async function takeOver(on: Step, driven: Driven): Promise<void> {
  const { rows } = await gather<{ host_id: string }>(
    on,
    `select host_id from job_runs
     where job_id = $1 and ended_at is null and driver_fence < $2`,
    [on.jobId, driven.fence],
  );
  const hosts = rows.map((row) => row.host_id);
  await write(on, hosts, async (client, some) => {
    await raiseFence(client, driven, some);
    return [];
  });
}

async function stop(on: Driving, { kind, reason }: NonNullable<Decision['stop']>): Promise<void> {
  on.log.info({ job: on.jobId, kind }, `the job stops: ${reason}`);
  await atHome(on, (client) =>
    client.query(
      `update jobs set state = 'stopping', stop_kind = $2, stop_reason = $3
       where id = $1 and ended_at is null and stop_kind is distinct from 'cancelled'`,
      [on.jobId, kind, reason],
    ),
  );
}

/** Ends what is late, whose host has gone, or that a stop ends. */
async function settleDue(on: Step, driven: Driven): Promise<number> {
  const { stop_kind: kind, stop_reason: reason } = driven.job;
  const { rows } = await gather<Due>(on, DUE, [on.jobId, kind, reason, STEP]);
  const byHost = new Map(rows.map((row) => [row.host_id, row]));
  const settled = await write(on, [...byHost.keys()], async (client, hosts, shard) => {
    const due = hosts.flatMap((host) => byHost.get(host) ?? []);
    const done = await settle(client, driven, due);
    await ring(
      on,
      { client, shard },
      done.filter(({ next }) => next === 'cancel'),
    );
    return done;
  });
  return settled.rows.length;
}

interface Planned {
  readonly decision: Decision;
  readonly groups: readonly Group[];
}

async function giveTurns(on: Step, driven: Driven, { decision, groups }: Planned) {
  const { turn } = decision;
  const isNew = ({ state, hasTurn, batch }: Group) =>
    state === 'waiting' && !hasTurn && batch <= turn;
  if (!groups.some(isNew)) return 0;
  const { rows } = await gather<{ host_id: string }>(
    on,
    `select host_id from job_runs
     where job_id = $1 and state = 'waiting' and begin_before is null and batch <= $2
     limit $3`,
    [on.jobId, turn, STEP],
  );
  const hosts = rows.map((row) => row.host_id);
  const given = await write(on, hosts, async (client, some) => {
    await giveTurn(client, driven, some);
    return some;
  });
  return given.rows.length;
}

async function releaseSome(on: Step, driven: Driven, { decision, groups }: Planned) {
  const places = Math.min(decision.places, STEP);
  const isCandidate = ({ hasTurn, isReady, batch }: Group) =>
    isReady && (hasTurn || batch <= decision.turn);
  if (places === 0 || !groups.some(isCandidate)) return 0;
  const { rows } = await on.store.gather<Candidate & Record<string, unknown>>(
    `select r.id, r.host_id, r.batch, r.begin_before
     from job_runs as r
     join hosts as h on h.id = r.host_id and h.state = 'active' and h.session_expires_at > now()
     where r.job_id = $1 and r.state = 'waiting' and r.begin_before > now()
     order by r.batch, r.id
     limit $2`,
    [on.jobId, places],
    {
      orderBy: [{ column: 'batch' }, { column: 'id' }],
      ...{ limit: places, timeoutMs: ANSWER_MS, shards: on.shards },
    },
  );
  const byHost = new Map(rows.map((row) => [row.host_id, row]));
  const released = await write(on, [...byHost.keys()], async (client, hosts, shard) => {
    const candidates = hosts.flatMap((host) => byHost.get(host) ?? []);
    const done = await release(client, driven, candidates);
    await ring(on, { client, shard }, done);
    return done;
  });
  return released.rows.length;
}

async function ring(
  { doorbell }: Driving,
  place: Place,
  news: readonly { readonly host_id: string; readonly server: string | null }[],
): Promise<void> {
  const byServer = new Map<string, string[]>();
  for (const { host_id, server } of news) {
    if (server !== null) byServer.set(server, [...(byServer.get(server) ?? []), host_id]);
  }
  for (const [server, hosts] of byServer) await doorbell.ring(place, server, hosts);
}

async function keepCensus(on: Driving, job: JobRow, { census }: Counted): Promise<void> {
  if (censusText(census) === censusText(job.census)) return;
  await atHome(on, (client) =>
    client.query('update jobs set census = $2 where id = $1', [on.jobId, JSON.stringify(census)]),
  );
}

async function close(on: Driving, job: JobRow, { census }: Counted): Promise<void> {
  const state = endOf(job, Object.values(census).flat());
  await atHome(on, async (client) => {
    await client.query(
      `update jobs set state = $2, census = $3, ended_at = now()
       where id = $1 and ended_at is null`,
      [on.jobId, state, JSON.stringify(census)],
    );
    await client.query('delete from leases where name = $1', [on.lease.name]);
  });
  on.log.info({ job: on.jobId, state }, 'the job has ended');
}

function endOf({ stop_kind }: JobRow, groups: readonly Group[]): JobState {
  if (stop_kind !== null) return STOP_ENDS[stop_kind];
  return groups.every(({ state }) => state === 'succeeded') ? 'succeeded' : 'failed';
}

function atHome(on: Driving, body: (client: ClientBase) => Promise<unknown>): Promise<void> {
  return on.store.home.transaction(
    async (client) => {
      await assertOwner(client, on.lease);
      await body(client);
    },
    { retry: true },
  );
}

function gather<Row extends Record<string, unknown>>(
  { store, shards }: Step,
  sql: string,
  values: readonly unknown[],
) {
  return store.gather<Row>(sql, values, { timeoutMs: ANSWER_MS, shards });
}

async function write<Row>(
  { store, log, jobId }: Driving,
  hosts: readonly string[],
  body: WriteHosts<Row>,
): Promise<ManyWritten<Row>> {
  const written = await writeHosts(store, hosts, body);
  for (const [shard, error] of written.errors) {
    log.warn({ job: jobId, shard, error }, 'runs of a job could not be changed');
  }
  return written;
}
