// Real sessions of agents with real servers: hosts that enrol by the authority's digest or in
// memory, tell their facts, go to the other server when theirs ends, and stay away once revoked.

import { randomBytes } from 'node:crypto';
import { enrol, parseAddress, systemClock } from '@halflap/agent';
import {
  type Authority,
  type Endpoint,
  openAuthority,
  SECRET_BYTES,
  type Store,
  startEndpoint,
} from '@halflap/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Fleet } from '../../bench/src/simulator/fleet.js';
import { enrolHost } from '../../bench/src/simulator/identities.js';
import { enrolOptions, noting, removeDirectories } from '../agent/host.js';
import { openTestStore, SILENT, type TestStore } from './store.js';

const HOSTS = 6;
const ENROLMENT = '00000000-0000-4000-8000-000000000000';

let test: TestStore;
let authority: Authority;
let endpoints: Endpoint[];

beforeAll(async () => {
  test = await openTestStore(2);
  const secret = randomBytes(SECRET_BYTES);
  authority = await openAuthority(test.store, { secret, hostCertificateDays: 30, clock });
  endpoints = [await start('one', test.store), await start('two', await test.open('two'))];
});

afterAll(async () => {
  for (const endpoint of endpoints) await endpoint.stop();
  await test.drop();
  removeDirectories();
});

const clock = () => new Date();

function start(server: string, store: Store): Promise<Endpoint> {
  return startEndpoint({
    ...{ store, authority, server, version: '1.0', duties: [], log: SILENT, clock },
    ...{ heartbeatSeconds: 30, reportSeconds: 60, handshakesPerSecond: 500 },
    ...{ now: () => performance.now(), random: () => 0 },
    listen: { host: '127.0.0.1', port: 0 },
    names: ['127.0.0.1'],
    redeem: async () => ({ id: ENROLMENT, labels: {}, needsApproval: false }),
  });
}

const addressOf = ({ port }: Endpoint) => parseAddress(`127.0.0.1:${port}`);

interface HostRow extends Record<string, unknown> {
  readonly server: string;
  readonly fence: number;
  readonly revision: number;
  readonly packages: number;
}

async function rowOf(host: string): Promise<HostRow | undefined> {
  const rows = await test.store.readHost<HostRow>(
    host,
    `select server, fence::int, revision::int, packages_installed as packages
     from hosts where id = $1`,
    [host],
  );
  return rows[0];
}

/** Asked again until it is so; the test's own limit ends it. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise(setImmediate);
}

it('a host enrols with the digest of the authority', async () => {
  const [one] = endpoints as [Endpoint];
  const options = enrolOptions({ address: addressOf(one), authority });
  const { current } = await enrol({ ...options, trust: { pin: await authority.pin() } });
  expect(current.keys).toEqual(authority.orderKeys);
  expect((await rowOf(current.host))?.revision).toBe(0);
});

it('hosts tell facts and changes, go to the other server, and stay away once revoked', async () => {
  const servers = endpoints.map(addressOf);
  const signal = new AbortController().signal;
  const enrolment = { servers, authorities: authority.certificate, token: 't', signal };
  const { log, lines } = noting();
  const fleet = new Fleet({
    ...{ count: HOSTS, servers, log, clock: systemClock, random: () => 0.1 },
    identify: (at) => enrolHost({ ...enrolment, clock: systemClock }, at),
    identifyAtOnce: 2,
    changesPerSecond: 0,
    perform: () => ({ delayMs: 0, exitCode: 0, output: [] }),
  });
  await fleet.start();
  await fleet.until((open) => open === HOSTS);
  const [first = ''] = fleet.hosts;
  await until(async () => (await rowOf(first))?.revision === 1);
  const told = await rowOf(first);
  expect(told).toMatchObject({ fence: 1 });
  expect(told?.packages).toBeGreaterThan(350);
  fleet.change(0);
  await until(async () => (await rowOf(first))?.revision === 2);

  const [one, two] = endpoints as [Endpoint, Endpoint];
  const [leaving, staying] = told?.server === 'one' ? [one, two] : [two, one];
  await leaving.stop();
  await until(async () => staying.sessions.size === HOSTS);
  const moved = await rowOf(first);
  expect(moved).toMatchObject({ fence: 2, revision: 2 });
  expect(moved?.server).not.toBe(told?.server);

  await test.store.withHost(first, (client) =>
    client.query(`update hosts set state = 'revoked' where id = $1`, [first]),
  );
  staying.sessions.find(first)?.connection.terminate();
  await lines.next(({ message }) => message.startsWith('this host was revoked'));
  await fleet.until((open) => open === HOSTS - 1);
  await fleet.stop();
});
