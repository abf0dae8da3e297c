// What depends on the drivers: changing them while the cluster works, and the loss of what they
// need.

import { type PostgresServer, startPostgres } from '@halflap/engine/testing';
import { type Bus, postgresCarrier, purge } from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openClient } from '../evolving/databases.js';
import { type Cluster, type Driver, listParked, startCluster } from './bus-cluster.js';
import { Recorder } from './recorder.js';

let cluster: Cluster;
let away: PostgresServer;

beforeAll(async () => {
  away = await startPostgres();
  await away.createDatabase('away');
  const more = [{ name: 'away', url: away.url('away') }];
  cluster = await startCluster(2, { withNats: true, more });
});
afterAll(async () => {
  await cluster?.stop();
  await away?.stop();
});

describe('a cluster whose driver is changed', () => {
  const topic = 'rolling.step';
  const worked = new Recorder();
  /** Counts the acts of the test, so that it is known what came before what. */
  let time = 0;
  const published: { readonly id: string; readonly from: number; readonly to: number }[] = [];

  interface Server {
    readonly bus: Bus;
    readonly followed: Recorder;
    readonly since: number;
  }

  const start = async (driver: Driver): Promise<Server> => {
    const bus = await cluster.start(driver);
    const followed = new Recorder();
    await bus.work({ group: 'rolling', topics: [topic], handle: worked.handle, concurrency: 3 });
    await bus.follow({ name: 'views', topics: [topic], ...followed });
    return { bus, followed, since: time };
  };

  const publish = async (bus: Bus, count: number) => {
    for (let turn = 0; turn < count; turn += 1) {
      time += 1;
      const from = time;
      const key = `k${from % 7}`;
      // A key is always on one shard, as a host is.
      const shard = from % 7 < 4 ? 's1' : 's2';
      const [id = ''] = await cluster.publish(bus, shard, { topic, key, body: from });
      time += 1;
      published.push({ id, from, to: time });
    }
  };

  /** Waits until the server has seen all that it had to, and stops it. */
  const leave = async ({ bus, followed, since }: Server) => {
    const due = published.filter(({ from }) => from > since).map(({ id }) => id);
    await followed.until(({ ended }) => {
      const seen = new Set(ended.map(({ id }) => id));
      return due.every((id) => seen.has(id));
    });
    await bus.stop();
    expect(followed.missed).toEqual([]);
    await expectOrdered(followed);
  };

  it('handles everything once and in order, server by server, there and back', async () => {
    const servers = { a: await start('postgres'), b: await start('postgres') };
    for (const [leaving, staying, driver] of [
      ['a', 'b', 'nats'],
      ['b', 'a', 'nats'],
      ['a', 'b', 'postgres'],
      ['b', 'a', 'postgres'],
    ] as const) {
      await Promise.all([publish(servers.a.bus, 10), publish(servers.b.bus, 10)]);
      const meanwhile = publish(servers[staying].bus, 20);
      await leave(servers[leaving]);
      servers[leaving] = await start(driver);
      await meanwhile;
    }
    await worked.until(({ ended }) => ended.length >= published.length);
    await Promise.all([leave(servers.a), leave(servers.b)]);
    expect(published).toHaveLength(160);
    expect(worked.begun.map(({ id }) => id).sort()).toEqual(published.map(({ id }) => id).sort());
    expect(worked.overlaps).toEqual([]);
    await expectOrdered(worked);
  });

  async function expectOrdered({ begun }: Recorder): Promise<void> {
    const { rows } = await cluster.store.fleet.gather<{ id: string; position: string }>(
      'select id, position from bus_messages where topic = $1',
      [topic],
    );
    const positions = new Map(rows.map(({ id, position }) => [id, Number(position)]));
    const lastOf = new Map<string, number>();
    for (const { id, key } of begun) {
      const position = positions.get(id) ?? Number.NaN;
      expect(position, `${id} of ${key}`).toBeGreaterThan(lastOf.get(key ?? '') ?? 0);
      lastOf.set(key ?? '', position);
    }
  }
});

describe('a shard that is away', () => {
  it.each(['postgres', 'nats'] as const)(
    'holds up nobody, and delivers when it is back: %s',
    async (driver) => {
      const topic = `away.${driver}`;
      const bus = await cluster.start(driver, { claimSeconds: 1 });
      const [worked, followed] = [new Recorder().close(), new Recorder()];
      await bus.work({ group: topic, topics: [topic], handle: worked.handle });
      await bus.follow({ name: 'views', topics: [topic], ...followed });
      await cluster.publish(bus, 'away', { topic, body: 'in hand' });
      await worked.until(({ begun }) => begun.length === 1);
      await away.kill();
      worked.open();
      await worked.until(({ ended }) => ended.length === 1);
      await cluster.publish(bus, 's1', { topic, body: 'elsewhere' });
      for (const recorder of [worked, followed]) {
        await recorder.until(({ ended }) => ended.some(({ body }) => body === 'elsewhere'));
      }
      await away.restart();
      await cluster.store.fleet.check();
      await cluster.publish(bus, 'away', { topic, body: 'back' });
      // What became of the first could not be told: it is handled again.
      const times = (body: string) => worked.bodies().filter((one) => one === body).length;
      await worked.until(() => times('back') > 0 && times('in hand') > 1);
      expect(times('elsewhere')).toBeGreaterThan(0);
      await followed.until(({ ended }) => ended.length === 3);
      await bus.stop();
    },
  );
});

describe('a NATS that is lost', () => {
  it('holds up followers until it is back, and tells them what may be missing', async () => {
    const topic = 'nats.lost';
    const { nats } = cluster;
    const bus = await cluster.start('nats');
    const [worked, followed] = [new Recorder(), new Recorder()];
    await bus.work({ group: 'lost', topics: [topic], handle: worked.handle });
    await bus.follow({ name: 'views', topics: [topic], ...followed });
    const publish = (body: string) => cluster.publish(bus, 's1', { topic, key: 'a', body });
    await publish('before');
    await followed.until(({ ended }) => ended.length === 1);
    await nats?.kill();
    await publish('meanwhile');
    await worked.until(({ ended }) => ended.length === 2);
    await nats?.restart();
    await publish('after');
    await followed.until(({ ended }) => ended.length === 3);
    expect(followed.missed).toEqual([]);
    await nats?.restart({ empty: true });
    await publish('anew');
    await followed.until(({ ended, missed }) => missed.length > 0 && ended.length >= 4);
    expect(followed.missed).toEqual(['NATS has lost its stream']);
    expect(worked.bodies()).toEqual(['before', 'meanwhile', 'after', 'anew']);
    expect(followed.bodies()).toEqual(['before', 'meanwhile', 'after', 'anew']);
    await bus.stop();
  });
});

describe('the doorbell of PostgreSQL', () => {
  it('is rung once for many transactions that end together', async () => {
    const [target] = cluster.store.targets;
    const connection = { connectionString: target?.url ?? '' };
    const carrier = postgresCarrier({ connection: () => connection });
    const heard: string[] = [];
    const listener = await openClient(connection.connectionString);
    const marked = new Promise<void>((resolve) => {
      listener.on('notification', ({ channel }) => {
        if (channel === 'marker') resolve();
        else heard.push(channel);
      });
    });
    await listener.query('listen halflap_bus');
    await listener.query('listen marker');
    const woken = new Recorder();
    carrier.listen({
      group: null,
      topics: ['any'],
      wake: (shard) => woken.onMissed(shard ?? ''),
      free: async () => 1,
    });
    const fleet = await cluster.store.open({ shards: cluster.store.targets.slice(0, 1) });
    const times = { pollMs: 1000, timeoutMs: 5000, keepSeconds: 60, leaseSeconds: 5 };
    carrier.start({ fleet, server: 'a', log: () => {}, ...times });
    await woken.until(({ missed }) => missed.length > 0);
    for (let turn = 0; turn < 100; turn += 1) carrier.ring('s1');
    await woken.until(({ missed }) => missed.length > 101);
    await listener.query('notify marker');
    await marked;
    expect(heard.length).toBeGreaterThan(0);
    expect(heard.length).toBeLessThan(3);
    await Promise.all([carrier.stop(), listener.end()]);
  });
});

describe('purge', () => {
  it('takes what is old and handled, and nothing that somebody still has to see', async () => {
    const topic = 'purge.me';
    const bus = await cluster.start('memory', { attempts: 1 });
    const recorder = new Recorder();
    await bus.work({
      group: 'purge',
      topics: [topic],
      async handle(message, signal) {
        await recorder.handle(message, signal);
        if (message.body === 'bad') throw new Error('bad');
      },
    });
    const shard = cluster.store.fleet.shard('s2');
    const bodies = ['handled', 'bad', 'waiting'];
    await cluster.publish(
      bus,
      's2',
      bodies.slice(0, 2).map((body) => ({ topic, body })),
    );
    await recorder.until(({ ended }) => ended.length === 2);
    await bus.stop();
    await cluster.publish(bus, 's2', { topic, body: 'waiting' });
    const left = async () => {
      const { rows } = await shard.query('select envelope from bus_messages where topic = $1', [
        topic,
      ]);
      return rows.map(({ envelope }) => JSON.parse(envelope).body).sort();
    };
    const keep = { keepSeconds: 3600, timeoutMs: 5000 };
    await purge(shard, keep);
    expect(await left()).toEqual(['bad', 'handled', 'waiting']);
    await shard.query("update bus_messages set created_at = now() - interval '2 hours'");
    expect(await purge(shard, keep)).toBeGreaterThan(0);
    expect(await left()).toEqual(['bad', 'waiting']);
    // A group that nobody has seen for a month is no more, and what waits for it goes.
    await shard.query("update bus_groups set seen_at = now() - interval '31 days'");
    await purge(shard, keep);
    expect(await left()).toEqual(['bad']);
    const rows = await listParked(cluster.store.fleet);
    expect(rows.map(({ group }) => group)).toContain('purge');
  });
});
