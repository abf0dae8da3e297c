// A job on many simulated hosts whose orders end at once: the time to the last result, with one
// server and with three.

import { digestOf } from '@halflap/server';
import { quantile } from '../measure.js';
import type { BenchOptions } from '../options.js';
import type { FleetState } from './fleet-process.js';
import { type Caller, call, type Ground, lasting, type ServerChild, withGround } from './ground.js';

export interface JobCost {
  readonly servers: number;
  /** Hosts that may be at work at once. */
  readonly concurrency: number;
  /** From the request to the job's end, as the API tells it; the median of the runs. */
  readonly endMs: number;
  /** From the request to the last result that was kept. */
  readonly lastResultMs: number;
  /** Orders in a second, from the first that was sent to the last. */
  readonly sentPerSecond: number;
}

export interface JobFigures {
  readonly hosts: number;
  readonly shards: number;
  readonly runs: number;
  readonly ranTwice: number;
  readonly costs: readonly JobCost[];
}

const SHARDS = 4;
const SERVERS = 3;
/** After it nothing that the killed servers had is theirs. */
const LEASE_SECONDS = 20;
const LOOK_SECONDS = 0.1;
/** The default, and all at once. */
const CONCURRENCY = [50, 5000];

/** With all servers, and again with one once the others were killed and all hosts are back. */
export function measureJobs(
  { jobHosts: hosts, cycles: runs, isDurable }: BenchOptions,
  tell: (line: string) => void,
): Promise<JobFigures> {
  return withGround({ shards: SHARDS, isDurable }, async (ground) => {
    const servers: ServerChild[] = [];
    while (servers.length < SERVERS) servers.push(await ground.startServer());
    tell(`jobs: ${hosts} hosts enrol with ${SERVERS} servers`);
    const fleet = await ground.startFleet(servers, { count: hosts, isBrief: true });
    await fleet.ask('untilReported', { reported: hosts });
    const [last, ...others] = servers as [ServerChild, ...ServerChild[]];
    const measured = { ground, caller: { server: last, token: ground.token }, runs, tell };
    const costs = await measureWith(SERVERS, measured);
    for (const server of others) await server.kill();
    await lasting(LEASE_SECONDS);
    await fleet.ask('until', { open: hosts });
    costs.push(...(await measureWith(1, measured)));
    const { ranTwice } = await fleet.ask<FleetState>('state');
    return { hosts, shards: SHARDS, runs, ranTwice, costs };
  });
}

interface Measured {
  readonly ground: Ground;
  readonly caller: Caller;
  readonly runs: number;
  readonly tell: (line: string) => void;
}

async function measureWith(
  servers: number,
  { ground, caller, runs, tell }: Measured,
): Promise<JobCost[]> {
  const costs: JobCost[] = [];
  for (const concurrency of CONCURRENCY) {
    tell(`jobs: ${servers} servers, ${concurrency} at once`);
    const spans: Omit<JobCost, 'servers' | 'concurrency'>[] = [];
    while (spans.length < runs) {
      const { id, startedAt, endMs } = await runJob(caller, concurrency);
      const { rows } = await ground.store.gather<Moments>(MOMENTS, [id], { requireAll: true });
      spans.push({ endMs, ...spanOf(rows, startedAt) });
    }
    const middle = (of: keyof (typeof spans)[number]) =>
      quantile(
        spans.map((span) => span[of]),
        0.5,
      );
    costs.push({
      ...{ servers, concurrency, endMs: middle('endMs') },
      ...{ lastResultMs: middle('lastResultMs'), sentPerSecond: middle('sentPerSecond') },
    });
  }
  return costs;
}

type Moments = { first_sent: Date; last_sent: Date; last_ended: Date; runs: number };

const MOMENTS = `select min(sent_at) as first_sent, max(sent_at) as last_sent,
  max(ended_at) as last_ended, count(*)::int as runs from job_runs where job_id = $1`;

/** The servers' clock is this machine's. */
function spanOf(rows: readonly Moments[], startedAt: number) {
  const all = (of: 'first_sent' | 'last_sent' | 'last_ended') =>
    rows.map((row) => row[of].getTime());
  const sent = Math.max(...all('last_sent')) - Math.min(...all('first_sent'));
  const runs = rows.reduce((sum, row) => sum + row.runs, 0);
  return {
    lastResultMs: Math.max(...all('last_ended')) - startedAt,
    sentPerSecond: runs / (Math.max(sent, 1) / 1000),
  };
}

interface Preview {
  readonly hosts: readonly { readonly id: string }[];
  readonly digest: string;
}

async function runJob(caller: Caller, concurrency: number) {
  const { hosts, digest } = await call<Preview>(caller, '/jobs/preview?kind=command');
  if (digest !== digestOf(hosts.map(({ id }) => id))) throw new Error('another digest');
  const startedAt = Date.now();
  const spec = { name: 'bench', work: WORK, concurrency };
  const { id } = await call<{ id: string }>(caller, '/jobs', { ...spec, target: {}, digest });
  let state = 'running';
  while (state === 'running') {
    await lasting(LOOK_SECONDS);
    ({ state } = await call<{ state: string }>(caller, `/jobs/${id}`));
  }
  if (state !== 'succeeded') throw new Error(`the job ${state}`);
  return { id, startedAt, endMs: Date.now() - startedAt };
}

const WORK = {
  ...{ kind: 'command', program: '/bin/true', args: [], user: null, directory: null },
  environment: {},
};
