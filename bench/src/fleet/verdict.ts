// Whether every promise was kept: what the store says against what really happened on the simulated
// hosts, host by host and run by run.

import { RUN_STATES, type RunState, type Store } from '@halflap/server';
import { type HostFacts, STORED_FACTS } from '../simulator/host-facts.js';
import type { LedgerLine } from '../simulator/ledger.js';

export interface Promised {
  readonly promise: string;
  /** One line for each time that it was broken. */
  readonly faults: readonly string[];
}

/** What the run leaves to be judged. */
export interface Remains {
  readonly store: Store;
  /** Servers that live. */
  readonly servers: readonly string[];
  /** Of the simulator. */
  readonly facts: readonly HostFacts[];
  readonly ledger: readonly LedgerLine[];
  /** Orders that came to another host than they name. */
  readonly strays: number;
  /** Agents that have a session, as they see it. */
  readonly open: number;
  /** Jobs whose making was answered. */
  readonly made: readonly string[];
}

export interface Verdict {
  readonly promises: readonly Promised[];
  readonly jobs: number;
  readonly runs: ReadonlyMap<RunState, number>;
}

export async function judge(remains: Remains): Promise<Verdict> {
  const { store } = remains;
  const all = { requireAll: true } as const;
  const [jobs, places, runs] = [
    (await store.home.query<JobRow>(JOBS, [])).rows,
    (await store.home.query<PlaceRow>(PLACES, [])).rows,
    (await store.gather<RunRow>(RUNS, [], all)).rows,
  ];
  const states = new Map<RunState, number>();
  for (const { state } of runs) states.set(state, (states.get(state) ?? 0) + 1);
  return {
    jobs: jobs.length,
    runs: states,
    promises: [
      { promise: 'every agent has a session', faults: await sessionFaults(remains) },
      {
        promise: 'every job that was promised is there, once, and has ended',
        faults: jobFaults(remains, jobs),
      },
      {
        promise: 'every host of every job is in exactly one named state',
        faults: stateFaults(places, runs),
      },
      { promise: 'no order ran twice, and none that is said not to', faults: twice(remains, runs) },
      { promise: 'no acknowledged fact was lost', faults: await factFaults(remains) },
    ],
  };
}

type JobRow = { id: string; name: string; state: string; is_over: boolean };
const JOBS = 'select id, name, state, ended_at is not null as is_over from jobs';

type PlaceRow = { job_id: string; host_id: string };
const PLACES = 'select job_id, host_id from job_hosts';

type RunRow = { id: string; job_id: string; host_id: string; state: RunState; is_over: boolean };
const RUNS = `select id, job_id, host_id, state, ended_at is not null as is_over from job_runs`;

type SessionRow = { id: string; server: string | null; is_open: boolean };
const SESSIONS = `select id, server, coalesce(session_expires_at > now(), false) as is_open
  from hosts`;

async function sessionFaults({ store, facts, servers, open }: Remains): Promise<string[]> {
  const { rows } = await store.gather<SessionRow>(SESSIONS, [], { requireAll: true });
  const stored = new Map(rows.map((row) => [row.id, row]));
  const faults = facts.flatMap(({ id }) => {
    const row = stored.get(id);
    const isThere = row?.is_open === true && servers.includes(row.server ?? '');
    return isThere ? [] : [`${id}: ${row === undefined ? 'no row' : `server ${row.server}`}`];
  });
  if (rows.length !== facts.length) faults.push(`${rows.length} hosts are stored`);
  if (open !== facts.length) faults.push(`${open} agents say that they are connected`);
  return faults;
}

function jobFaults({ made }: Remains, jobs: readonly JobRow[]): string[] {
  const stored = new Set(jobs.map(({ id }) => id));
  const names = new Set(jobs.map(({ name }) => name));
  return [
    ...made.filter((id) => !stored.has(id)).map((id) => `job ${id} was answered, and is not there`),
    ...jobs.filter(({ is_over }) => !is_over).map(({ id, state }) => `job ${id} is ${state}`),
    // Each key is in the name of its job.
    ...(names.size === jobs.length ? [] : [`${jobs.length - names.size} jobs were made twice`]),
  ];
}

function stateFaults(places: readonly PlaceRow[], runs: readonly RunRow[]): string[] {
  const key = (row: PlaceRow) => `job ${row.job_id}, host ${row.host_id}`;
  const expected = new Set(places.map(key));
  const found = new Set<string>();
  const faults: string[] = [];
  for (const run of runs) {
    if (found.has(key(run))) faults.push(`${key(run)}: two runs`);
    found.add(key(run));
    if (!expected.has(key(run))) faults.push(`${key(run)}: a run of no host of the job`);
    const isNamed = RUN_STATES.includes(run.state) && run.is_over;
    if (!isNamed) faults.push(`${key(run)}: ${run.state}`);
  }
  for (const one of expected) if (!found.has(one)) faults.push(`${one}: no run`);
  return faults;
}

/** States that say that the order was carried out, and those that say that it was not. */
const CARRIED_OUT: ReadonlySet<RunState> = new Set(['succeeded', 'failed']);
const NEVER_BEGUN: ReadonlySet<RunState> = new Set(['expired', 'skipped', 'refused']);

function twice({ ledger, strays }: Remains, runs: readonly RunRow[]): string[] {
  const really = new Map(ledger.map((line) => [line.run, line]));
  const faults = ledger
    .filter(({ begun }) => begun > 1)
    .map(({ run, host, begun }) => `run ${run} on ${host}: begun ${begun} times`);
  if (strays > 0) faults.push(`${strays} orders came to another host than theirs`);
  for (const { id, host_id, state } of runs) {
    const { begun = 0, ended = 0, host = host_id } = really.get(id) ?? {};
    if (host !== host_id) faults.push(`run ${id}: on ${host}, not on ${host_id}`);
    if (CARRIED_OUT.has(state) && !(begun === 1 && ended === 1)) {
      faults.push(`run ${id}: ${state}, begun ${begun} times and ended ${ended} times`);
    }
    if (NEVER_BEGUN.has(state) && begun > 0) faults.push(`run ${id}: ${state}, and was begun`);
  }
  return faults;
}

async function factFaults({ store, facts }: Remains): Promise<string[]> {
  const { rows } = await store.gather<HostFacts & Record<string, unknown>>(STORED_FACTS, [], {
    requireAll: true,
    timeoutMs: FACTS_MS,
  });
  const stored = new Map(rows.map((row) => [row.id, row]));
  return facts.flatMap((told) => {
    const row = stored.get(told.id);
    const parts = ['revision', 'system', 'packages', 'services'] as const;
    return parts
      .filter((part) => row?.[part] !== told[part])
      .map((part) => `${told.id}: ${part}: ${told[part]} against ${row?.[part]}`);
  });
}

/** A digest over all packages of all hosts. */
const FACTS_MS = 300_000;
