// Servers with jobs in one process, scripted agents of theirs, and what a test asks about jobs.

import { randomBytes } from 'node:crypto';
import {
  type Authority,
  Bus,
  type BusOptions,
  busDoorbell,
  createJob,
  type Doorbell,
  digestOf,
  type Endpoint,
  type EndpointOptions,
  type JobSpec,
  type Jobs,
  openAuthority,
  postgresCarrier,
  RUN_COLUMNS,
  type RunRow,
  readJob,
  SECRET_BYTES,
  type SeenJob,
  type Store,
  startEndpoint,
  startJobs,
} from '@halflap/server';
import { makeHosts, type Script, ScriptedAgent } from './scripted-agent.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

export interface JobServer {
  readonly store: Store;
  readonly jobs: Jobs;
  readonly endpoint: Endpoint;
  readonly bus: Bus;
  readonly doorbell: Doorbell;
}

export const SPEC: JobSpec = {
  name: 'test',
  work: {
    ...{ kind: 'command', program: '/bin/true', args: [], user: null, directory: null },
    environment: {},
  },
};

const clock = () => new Date();

/** Two servers over two shards. */
export class JobCluster {
  readonly test: TestStore;
  readonly authority: Authority;
  readonly servers: readonly [JobServer, JobServer];
  readonly #agents: ScriptedAgent[] = [];

  constructor(test: TestStore, authority: Authority, servers: readonly [JobServer, JobServer]) {
    this.test = test;
    this.authority = authority;
    this.servers = servers;
  }

  /** Agents on both servers in turn; those that are not connected are left to the test. */
  async fleet(count: number, script: Script, connected = count) {
    const { authority } = this;
    const hosts = await makeHosts(this.test.store, authority, { count, labels: {} });
    const made = hosts.map((identity, at) => {
      let turn = at;
      const ports = () => this.servers[turn++ % 2 === 0 ? 0 : 1].endpoint.port;
      return new ScriptedAgent(identity, { ports, authority }, script);
    });
    this.#agents.push(...made);
    await Promise.all(made.slice(0, connected).map((agent) => agent.connect()));
    return { hosts: hosts.map(({ host }) => host), made };
  }

  /** @param by the server that is told first, and mostly drives it */
  async run(hosts: readonly string[], spec: Partial<JobSpec>, by: 0 | 1 = 0): Promise<string> {
    const digest = digestOf(hosts);
    const job = { spec: { ...SPEC, ...spec }, about: {}, digest, by: 'anna' };
    const id = await this.test.store.home.transaction((client) => createJob(client, hosts, job));
    this.servers[by].jobs.kick();
    return id;
  }

  read(id: string): Promise<SeenJob> {
    return readJob(this.test.store, id);
  }

  ended(id: string): Promise<SeenJob> {
    return until(
      () => this.read(id),
      ({ job }) => job.ended_at !== null,
    );
  }

  async runsOf(job: string): Promise<Map<string, RunRow>> {
    const { rows } = await this.test.store.gather<RunRow>(
      `select ${RUN_COLUMNS} from job_runs as r where r.job_id = $1`,
      [job],
      { requireAll: true },
    );
    return new Map(rows.map((row) => [row.host_id, row]));
  }

  /** Lets a deadline of a run pass. */
  async isOver(deadline: 'begin_before' | 'deadline_at', job: string, host = ''): Promise<void> {
    await this.test.store.withHost(host, (client) =>
      client.query(`update job_runs set ${deadline} = now() where job_id = $1 and host_id = $2`, [
        ...[job, host],
      ]),
    );
  }

  /** Until the store knows that the host is not connected. */
  async isGone(host = ''): Promise<void> {
    const look = async () => {
      for (const { endpoint } of this.servers) await endpoint.sessions.flush();
      const sql = 'select session_expires_at <= now() as gone from hosts where id = $1';
      return (await this.test.store.readHost<{ gone: boolean }>(host, sql, [host]))[0];
    };
    await until(look, (row) => row?.gone === true);
  }

  async drop(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
    for (const { endpoint, jobs, bus } of this.servers) {
      await endpoint.stop();
      await jobs.stop();
      await bus.stop();
    }
    await this.test.drop();
  }
}

/** What a server of another release does otherwise. */
export type OfRelease = Pick<BusOptions, 'formats'> & Pick<EndpointOptions, 'protocol'>;

export async function openJobCluster(
  releases: readonly [OfRelease, OfRelease] = [{}, {}],
): Promise<JobCluster> {
  const test = await openTestStore(2);
  const secret = randomBytes(SECRET_BYTES);
  const authority = await openAuthority(test.store, { secret, hostCertificateDays: 30, clock });
  const urls = new Map(test.shards.map(({ name, url }) => [name, url]));
  const connection = (shard: string) => ({ connectionString: urls.get(shard) ?? '' });
  const start = async (
    server: string,
    store: Store,
    { formats, protocol }: OfRelease,
  ): Promise<JobServer> => {
    const carrier = postgresCarrier({ connection });
    const bus = new Bus({
      ...{ fleet: store.fleet, server, carrier, clock },
      ...(formats !== undefined && { formats }),
    });
    bus.start();
    const doorbell = busDoorbell(bus, SILENT);
    await doorbell.begun;
    const jobs = startJobs({
      store,
      authority,
      doorbell,
      server,
      leaseSeconds: 5,
      keptDays: 90,
      log: SILENT,
    });
    const endpoint = await startEndpoint({
      ...{ store, authority, server, version: '1.0', duties: [jobs.duty], log: SILENT, clock },
      ...{ heartbeatSeconds: 30, reportSeconds: 60, handshakesPerSecond: 500 },
      ...{ now: () => performance.now(), random: Math.random },
      listen: { host: '127.0.0.1', port: 0 },
      names: ['localhost'],
      redeem: () => Promise.reject(new Error('nobody enrols here')),
      ...(protocol !== undefined && { protocol }),
    });
    return { store, jobs, endpoint, bus, doorbell };
  };
  const one = await start('one', test.store, releases[0]);
  return new JobCluster(test, authority, [
    one,
    await start('two', await test.open('two'), releases[1]),
  ]);
}

/** Looks until it holds. */
export async function until<Value>(
  look: () => Promise<Value>,
  holds: (value: Value) => boolean,
): Promise<Value> {
  for (;;) {
    const value = await look();
    if (holds(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A promise, and what ends it. */
export function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** How often each agent did work. */
export function effectsOf(made: readonly ScriptedAgent[]): number[] {
  return made.map((agent) => [...agent.effects.values()].reduce((sum, n) => sum + n, 0));
}
