// What the bus costs: the transaction that publishes, against one that only inserts its own row;
// and how many messages a second come through each driver, against such inserts in the same run.
//
// Publishers, bus and handlers share one process, as they do in a server; the handlers do nothing.

import { fileURLToPath } from 'node:url';
import { type Fleet, open, type Shard } from '@halflap/client';
import { installRelease, loadRelease } from '@halflap/engine';
import { withDatabase } from '@halflap/engine/testing';
import { Bus, type Carrier, memoryCarrier, natsCarrier, postgresCarrier } from '@halflap/server';
import type { ClientBase } from 'pg';
import { quantile } from './measure.js';
import { startNats } from './nats.js';
import type { BenchOptions } from './options.js';
import { type Bench, withClient } from './shards.js';

export interface PublishCost {
  readonly what: string;
  /** Transactions per second, the median of the rounds. */
  readonly perSecond: number;
  /** The median of the rounds' quotients with the plain insert. */
  readonly ratio: number;
}

export interface DriverRate {
  readonly driver: Carrier['driver'];
  /** Messages per second: published, claimed, handled and settled, all under way at once. */
  readonly worked: number;
  /** The same, of messages that waited already. */
  readonly drained: number;
  /** Published, and seen by a follower. */
  readonly followed: number;
}

export interface BusFigures {
  readonly messages: number;
  readonly sessions: number;
  readonly publishing: readonly PublishCost[];
  readonly drivers: readonly DriverRate[];
}

const RELEASE = fileURLToPath(new URL('../../packages/server/releases/1.0', import.meta.url));
const SHARD = 's1';
const TOPIC = 'bench.message';
const GROUP = 'bench';
/** Transactions at once. */
const SESSIONS = 8;
const KEYS = 1000;
const CONCURRENCY = 64;
/** As large as what a job says about a host. */
const BODY = {
  host: '0b0f9f0e-8a51-4f7a-9c63-6d1c2f1f0a11',
  state: 'running',
  note: 'x'.repeat(100),
};

/** One act of a publisher; `n` counts them. */
type Act = (client: ClientBase, n: number) => Promise<unknown>;

export async function measureBus(
  bench: Bench,
  { rounds, burst }: BenchOptions,
  tell: (line: string) => void,
): Promise<BusFigures> {
  const url = await createShard(bench);
  const fleet = await open({
    app: 'halflap',
    release: '1.0',
    shards: [{ name: SHARD, url }],
    poolSize: SESSIONS + 8,
  });
  // A machine without the program measures the other drivers.
  const nats = await startNats().catch(() => null);
  try {
    const messages = rounds * burst * 4;
    tell('bus: publishing');
    const publishing = await measurePublishing(fleet, { rounds, count: burst * 4 });
    const drivers: DriverRate[] = [];
    const carriers = [
      memoryCarrier,
      () => postgresCarrier({ connection: () => ({ connectionString: url }) }),
      ...(nats === null ? [] : [() => natsCarrier({ connection: { servers: nats.url } })]),
    ];
    for (const carrier of carriers) {
      tell(`bus: ${carrier().driver}`);
      drivers.push(await measureDriver(fleet, carrier, messages));
    }
    return { messages, sessions: SESSIONS, publishing, drivers };
  } finally {
    await fleet.close();
    await nats?.stop();
  }
}

async function createShard({ server }: Bench): Promise<string> {
  await server.createDatabase('bus');
  const url = server.url('bus');
  const release = await loadRelease(RELEASE, { withDatabase });
  await installRelease({ url, app: 'halflap', release });
  await withClient(url, async (client) => {
    await client.query(
      'create table bench_plain (id bigint generated always as identity, body text)',
    );
  });
  return url;
}

const insert: Act = (client) =>
  client.query('insert into bench_plain (body) values ($1)', [JSON.stringify(BODY)]);

async function measurePublishing(
  fleet: Fleet,
  { rounds, count }: { readonly rounds: number; readonly count: number },
): Promise<PublishCost[]> {
  const shard = fleet.shard(SHARD);
  const bus = new Bus({ fleet, server: 'bench', carrier: memoryCarrier(), clock });
  const publish = (client: ClientBase, topic: string, key: string | null) =>
    bus.publish(SHARD, client, { topic, key, body: BODY });
  await shard.query("insert into bus_groups (name, topic) values ('idle', 'bench.grouped')");
  const both =
    (more: Act): Act =>
    async (client, n) => {
      await insert(client, n);
      await more(client, n);
    };
  const acts: readonly (readonly [string, Act])[] = [
    ['insert of one row', insert],
    ['two inserts of one row', both(insert)],
    ['with a message', both((client) => publish(client, 'bench.nobody', null))],
    [
      'with a message that has a key',
      both((client, n) => publish(client, 'bench.nobody', keyOf(n))),
    ],
    ['the same, for a group', both((client, n) => publish(client, 'bench.grouped', keyOf(n)))],
    [
      'two inserts and NOTIFY in the transaction',
      both(both((client) => client.query('notify bench'))),
    ],
  ];
  const rates = acts.map((): number[] => []);
  for (let round = 0; round < rounds; round += 1) {
    for (const [at, [, act]] of acts.entries()) rates[at]?.push(await rateOf(shard, count, act));
  }
  const plain = rates[0] ?? [];
  return acts.map(([what], at) => {
    const own = rates[at] ?? [];
    const ratios = own.map((rate, round) => rate / (plain[round] ?? Number.NaN));
    return { what, perSecond: quantile(own, 0.5), ratio: quantile(ratios, 0.5) };
  });
}

async function measureDriver(
  fleet: Fleet,
  carrier: () => Carrier,
  messages: number,
): Promise<DriverRate> {
  const shard = fleet.shard(SHARD);
  const begin = () => {
    const bus = new Bus({ fleet, server: 'bench', carrier: carrier(), clock });
    bus.start();
    return bus;
  };
  const publishAll = (bus: Bus) =>
    rateOf(shard, messages, (client, n) =>
      bus.publish(SHARD, client, { topic: TOPIC, key: keyOf(n), body: BODY }),
    );
  const timed = async (
    subscribe: (bus: Bus, counter: Counter) => Promise<void>,
    waits: boolean,
  ) => {
    const bus = begin();
    const counter = countTo(messages);
    if (waits) await publishAll(bus);
    const startedAt = performance.now();
    await subscribe(bus, counter);
    if (!waits) await publishAll(bus);
    await counter.reached;
    const rate = messages / ((performance.now() - startedAt) / 1000);
    await bus.stop();
    return rate;
  };
  const work = (bus: Bus, { handle }: Counter) =>
    bus.work({ group: GROUP, topics: [TOPIC], handle, concurrency: CONCURRENCY });
  const follow = (bus: Bus, { handle }: Counter) =>
    bus.follow({ name: 'bench', topics: [TOPIC], handle, onMissed() {}, concurrency: CONCURRENCY });
  const worked = await timed(work, false);
  const drained = await timed(work, true);
  await shard.query('delete from bus_groups where name = $1', [GROUP]);
  const followed = await timed(follow, false);
  return { driver: carrier().driver, worked, drained, followed };
}

/** Transactions per second of `count` acts, in several sessions. */
async function rateOf(shard: Shard, count: number, act: Act): Promise<number> {
  let next = 0;
  const startedAt = performance.now();
  const session = async () => {
    while (next < count) {
      const n = next;
      next += 1;
      await shard.transaction((client) => act(client, n));
    }
  };
  await Promise.all(Array.from({ length: SESSIONS }, session));
  return count / ((performance.now() - startedAt) / 1000);
}

interface Counter {
  readonly handle: () => Promise<void>;
  readonly reached: Promise<void>;
}

function countTo(count: number): Counter {
  let seen = 0;
  let reach = () => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const handle = async () => {
    seen += 1;
    if (seen === count) reach();
  };
  return { handle, reached };
}

function keyOf(n: number): string {
  return `key${n % KEYS}`;
}

function clock(): Date {
  return new Date();
}
