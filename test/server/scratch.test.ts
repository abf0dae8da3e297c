import { Bus, natsCarrier, postgresCarrier } from '@halflap/server';
import { expect, it } from 'vitest';
import { startNatsServer } from './nats-server.js';
import { openTestStore } from './store.js';

it.each(['postgres', 'nats'])('works at all %s', async (driver) => {
  const store = await openTestStore(2);
  const nats = await startNatsServer();
  const carrier = driver === 'nats' ? natsCarrier({ connection: { servers: nats.url } }) : postgresCarrier({ connection: (s) => ({ connectionString: store.targets.find((t) => t.name === s)?.url }) });
  const bus = new Bus({ fleet: store.fleet, server: 'a', carrier, clock: () => new Date(), log: (l) => console.log(l) });
  bus.start();
  const got: unknown[] = [];
  let n = 0;
  let t = 0;
  await new Promise<void>(async (resolve) => {
    await bus.work({ group: 'jobs', topics: ['job.new'], async handle(m) { got.push([performance.now() - t, m.key]); if (++n === 6) resolve(); } });
    await bus.follow({ name: 'views', topics: ['job.new'], async handle(m) { got.push(['follow', performance.now() - t, m.key]); if (++n === 6) resolve(); }, onMissed: (w) => console.log(w) });
    await new Promise((r) => setTimeout(r, 300));
    t = performance.now();
    await store.fleet.shard('s1').transaction(async (c) => {
      await bus.publish('s1', c, [{ topic: 'job.new', key: 'a', body: 1 }, { topic: 'job.new', key: 'a', body: 2 }]);
    });
    await store.fleet.shard('s2').transaction(async (c) => {
      await bus.publish('s2', c, { topic: 'job.new', body: { x: 1 } });
    });
  });
  await bus.stop();
  console.log(got, bus.counters());
  expect(got.length).toBe(6);
  await store.close();
  await nats.stop();
});
