// A cluster in the middle of a rolling upgrade: one server speaks an older range of the agents'
// protocol and reads one format of envelopes, the other speaks more and writes the next format
// already. Agents that one of them refuses find the other, and jobs reach all of them, whichever
// server drives.

import { parseAddress, systemClock } from '@halflap/agent';
import type { Range } from '@halflap/protocol/agent';
import { FORMATS } from '@halflap/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Fleet } from '../../bench/src/simulator/fleet.js';
import { identityOf } from '../../bench/src/simulator/identities.js';
import { type JobCluster, openJobCluster, until } from './job-cluster.js';
import { makeHosts } from './scripted-agent.js';
import { SECOND } from './second-format.js';
import { SILENT } from './store.js';

const EACH = 4;
const RANGES: Readonly<Record<string, Range>> = {
  old: { oldest: 1, newest: 1 },
  both: { oldest: 1, newest: 2 },
  new: { oldest: 2, newest: 2 },
};

let cluster: JobCluster;
const fleets = new Map<string, Fleet>();

beforeAll(async () => {
  cluster = await openJobCluster([
    { protocol: { oldest: 1, newest: 1 } },
    {
      protocol: { oldest: 1, newest: 2 },
      formats: { writes: 2, reads: { ...FORMATS.reads, 2: SECOND } },
    },
  ]);
  for (const [name, range] of Object.entries(RANGES)) fleets.set(name, await fleetOf(range));
});

afterAll(async () => {
  await Promise.all([...fleets.values()].map((fleet) => fleet.stop()));
  await cluster.drop();
});

/** Of hosts that know both servers; all are connected when it resolves. */
async function fleetOf(protocol: Range): Promise<Fleet> {
  const { test, authority, servers } = cluster;
  const hosts = await makeHosts(test.store, authority, { count: EACH, labels: {} });
  const fleet = new Fleet({
    ...{ count: EACH, identifyAtOnce: EACH, changesPerSecond: 0, isBrief: true, protocol },
    servers: servers.map(({ endpoint }) => parseAddress(`localhost:${endpoint.port}`)),
    identify: async (at) => {
      const { host = '', key = '', chain = '' } = hosts[at] ?? {};
      const { certificate: authorities, orderKeys } = authority;
      return identityOf({ ...{ host, key, chain, authorities }, request: '', keys: orderKeys });
    },
    perform: () => ({ delayMs: 300, exitCode: 0, output: ['done\n'] }),
    ...{ clock: systemClock, random: Math.random, log: SILENT },
  });
  await fleet.start();
  await fleet.until((open) => open === EACH);
  return fleet;
}

type Session = { readonly server: string; readonly protocol: number };

async function sessionsOf(name: string): Promise<Session[]> {
  const { rows } = await cluster.test.store.gather<Session>(
    'select server, protocol from hosts where id = any($1::uuid[])',
    [fleets.get(name)?.hosts ?? []],
    { requireAll: true },
  );
  return rows;
}

/** Who drives it, as soon as somebody does. */
async function driverOf(job: string): Promise<string | undefined> {
  const sql = 'select owner from leases where name = $1';
  const look = () => cluster.test.store.home.query<{ owner: string }>(sql, [`job/${job}`]);
  const { rows } = await until(look, (found) => found.rows.length > 0);
  return rows[0]?.owner.split(' ')[0];
}

it('agents that one server refuses find the other; both speak the newest they can', async () => {
  const onTwo = { server: 'two', protocol: 2 };
  expect(await sessionsOf('new')).toEqual(Array.from({ length: EACH }, () => onTwo));
  for (const { server, protocol } of await sessionsOf('both')) {
    expect(protocol).toBe(server === 'two' ? 2 : 1);
  }
  for (const { protocol } of await sessionsOf('old')) expect(protocol).toBe(1);
});

it('jobs reach all of them, whichever server drives and whatever envelopes it reads', async () => {
  const hosts = [...fleets.values()].flatMap((fleet) => fleet.hosts);
  for (const [by, server] of ['one', 'two'].entries()) {
    for (let driver: string | undefined; driver !== server; ) {
      const job = await cluster.run(hosts, {}, by as 0 | 1);
      // It is not over before its orders are.
      driver = await driverOf(job);
      const { counts } = await cluster.ended(job);
      expect(counts).toEqual({ succeeded: hosts.length });
    }
  }
  for (const { ledger } of fleets.values()) {
    expect(ledger.ranTwice).toEqual([]);
    expect(ledger.strays).toEqual([]);
  }
  const { rows } = await cluster.test.store.gather<{ format: number }>(
    'select distinct format from bus_messages',
    [],
    { requireAll: true },
  );
  expect(new Set(rows.map(({ format }) => format))).toEqual(new Set([1, 2]));
  // What the old one cannot read it says to have missed, and finds out otherwise.
  const counted = () => cluster.servers.map(({ bus }) => bus.counters()[0]);
  await until(
    async () => counted(),
    ([one, two]) => Number(one?.parked) > 0 && Number(one?.handled) > 0 && Number(two?.handled) > 0,
  );
  expect(counted()[1]?.parked).toBe(0);
});
