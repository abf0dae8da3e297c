// Simulated hosts are hosts to a server: they come back when it has died, tell what it did not
// acknowledge, and run nothing twice.

import { randomUUID } from 'node:crypto';
import { systemClock } from '@halflap/agent';
import type { AgentFrame, Order } from '@halflap/protocol/agent';
import { expect, it } from 'vitest';
import { Fleet } from '../../bench/src/simulator/fleet.js';
import { enrolHost } from '../../bench/src/simulator/identities.js';
import { noting } from './host.js';
import { type Peer, startServer, type TestServer } from './server.js';

const HOSTS = 12;
const ORDER_MS = 12_345;

const orders = new Map<string, string>();

/** The order of a host: always the same text. */
function orderFor(host: string): string {
  const order: Order = {
    format: 1,
    run: randomUUID(),
    job: randomUUID(),
    host,
    work: {
      kind: 'command',
      program: '/bin/true',
      args: [],
      user: null,
      directory: null,
      environment: {},
    },
    beginBefore: '2099-01-01T00:00:00Z',
    timeoutSeconds: 60,
    outputLimitBytes: 1000,
  };
  const text = orders.get(host) ?? JSON.stringify(order);
  orders.set(host, text);
  return text;
}

async function welcomed(server: TestServer, fence: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  while (peers.length < HOSTS) {
    const peer = await server.sessions.next();
    peer.welcome({ fence });
    peers.push(peer);
  }
  return peers;
}

async function stored(peer: Peer): Promise<Extract<AgentFrame, { type: 'report' }>> {
  const report = await peer.next('report');
  peer.say({ type: 'reported', revision: report.revision, isNeeded: false });
  return report;
}

it('hosts of a fleet outlive a server that dies between an order and its result', async () => {
  const first = await startServer();
  const { authority, address } = first;
  const held: (() => void)[] = [];
  // Orders end when the test lets them.
  const clock = {
    ...systemClock,
    after(ms: number, call: () => void) {
      if (ms !== ORDER_MS) return systemClock.after(ms, call);
      held.push(call);
      return () => {};
    },
  };
  const enrolment = {
    ...{ servers: [address], authorities: authority.certificate, token: 'many' },
    ...{ clock, signal: new AbortController().signal },
  };
  const fleet = new Fleet({
    ...{ count: HOSTS, servers: [address], clock, random: () => 0.05, log: noting().log },
    identify: (at) => enrolHost(enrolment, at),
    identifyAtOnce: 4,
    changesPerSecond: 0,
    perform: () => ({ delayMs: ORDER_MS, exitCode: 3, output: ['one\n', 'two\n'] }),
  });
  const begun = fleet.start();
  const before = await welcomed(first, 1);
  await begun;
  expect(new Set(before.map(({ host }) => host))).toEqual(new Set(fleet.hosts));
  const report = await stored(before[0] as Peer);
  expect(report.base).toBeNull();
  expect(report.packages?.changed.length).toBeGreaterThan(350);
  expect(report.services?.changed.length).toBeGreaterThan(70);
  const run = (peer: Peer, fence: number) =>
    peer.say({ type: 'run', fence, order: orderFor(peer.host), key: 'k', signature: 's' });
  for (const peer of before) run(peer, 1);
  for (const peer of before) await peer.next('begun');
  await first.stop();
  await fleet.until((open) => open === 0);
  const second = await startServer({ authority, port: address.port });
  const after = await welcomed(second, 2);
  for (const peer of after) {
    expect(peer.hello.unfinished).toHaveLength(1);
    run(peer, 2);
    await peer.next('begun');
  }
  for (const end of held) end();
  for (const peer of after) {
    expect((await peer.next('output')).text).toBe('one\n');
    const { run: id, result } = await peer.next('ended');
    expect(result).toMatchObject({ state: 'failed', exitCode: 3, outputBytes: 8 });
    peer.say({ type: 'result_kept', run: id });
  }
  expect(fleet.ledger.ranTwice).toEqual([]);
  expect(fleet.ledger.strays).toEqual([]);
  const entries = [...fleet.ledger.runs.values()];
  expect(entries).toHaveLength(HOSTS);
  expect(entries.every(({ taken, ended }) => taken === 2 && ended === 1)).toBe(true);
  expect(fleet.latencies.welcome).toHaveLength(2 * HOSTS);
  expect(fleet.latencies.away).toHaveLength(HOSTS);
  // What changes is told as a change.
  const host = fleet.hosts.indexOf(before[0]?.host ?? '');
  const peer = after.find((one) => one.host === before[0]?.host) as Peer;
  fleet.change(host);
  const delta = await stored(peer);
  expect(delta.base).toBe(1);
  const told = [...(delta.packages?.changed ?? []), ...(delta.services?.changed ?? [])];
  expect(told).toHaveLength(1);
  await fleet.stop();
  await second.stop();
});
