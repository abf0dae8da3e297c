// Buckets that move from shard to shard while hosts are written: nothing lost, nothing twice, also
// when whoever moves them dies between any two steps.

import {
  BUCKETS,
  bucketOf,
  MOVED,
  moveBucket,
  planMoves,
  readBuckets,
  type Store,
} from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomFrom } from '../oracle/random.js';
import { openTestStore, type TestStore } from './store.js';

const SEED = Number(process.env.HALFLAP_SEED ?? Date.now() % 1_000_000_000);

let test: TestStore;
let other: Store;

beforeAll(async () => {
  test = await openTestStore(3);
  other = await test.open('two');
});

afterAll(() => test.drop());

async function addHost(store: Store): Promise<string> {
  const id = crypto.randomUUID();
  await store.withHost(id, (client) =>
    client.query(
      `insert into hosts (id, bucket, state, hostname, memory_bytes, disks)
       values ($1, $2, 'active', 'host', 9007199254740993, '[{"size": 9007199254740993}]')`,
      [id, bucketOf(id)],
    ),
  );
  return id;
}

const note = (store: Store, host: string, message: string) =>
  store.withHost(host, (client) =>
    client.query(
      `insert into host_events (host_id, kind, severity, message) values ($1, 'x', 'info', $2)`,
      [host, message],
    ),
  );

/** Every row that belongs to a host, wherever it is; what numbers a shard's rows left out. */
async function everything(store: Store): Promise<string[]> {
  const lists = await Promise.all(
    MOVED.map(({ table }) =>
      store.gather<{ line: string }>(
        `select '${table} ' || (to_jsonb(t) - case when '${table}' = 'host_events' then 'id' else ''
           end)::text as line from ${table} as t`,
        [],
        { requireAll: true },
      ),
    ),
  );
  return lists.flatMap(({ rows }) => rows.map(({ line }) => line)).sort();
}

describe('MOVED', () => {
  it('has every table that belongs to hosts, those that others need first', async () => {
    const { rows } = await test.store.home.query<{ child: string; parent: string }>(
      `with recursive belonging as (
         select 'buckets'::regclass as child, null::regclass as parent
         union
         select conrelid::regclass, confrelid::regclass
         from pg_constraint as c join belonging as b on c.confrelid = b.child
         where contype = 'f'
       )
       select child::text, parent::text from belonging where parent is not null`,
    );
    const order = MOVED.map(({ table }) => table);
    expect([...new Set(rows.map(({ child }) => child))].sort()).toEqual([...order].sort());
    for (const { child, parent } of rows) {
      expect(order.indexOf(parent)).toBeLessThan(order.indexOf(child));
    }
  });
});

describe('a bucket', () => {
  it('arrives whole after a crash between steps; a second mover does no harm', async () => {
    const { store } = test;
    const host = await addHost(store);
    await note(store, host, 'before');
    await store.withHost(host, (client) =>
      client.query(
        `insert into host_packages (host_id, manager, name, architecture, version)
         select $1, 'dpkg', 'p' || n, 'amd64', '1' from generate_series(1, 4500) as n`,
        [host],
      ),
    );
    const before = await everything(store);
    const bucket = bucketOf(host);
    for (const [at, stopAt] of (['left', 'arrived', 'cleared'] as const).entries()) {
      const to =
        ['s1', 's2', 's3'].filter((name) => name !== store.shardNameOf(host))[at % 2] ?? '';
      const onStep = (step: string) => {
        if (step === stopAt) throw new Error(`stopped when ${step}`);
      };
      await expect(moveBucket(store, { bucket, to, onStep })).rejects.toThrow(stopAt);
      await Promise.all([
        moveBucket(store, { bucket, to }),
        moveBucket(other, { bucket, to }),
        note(other, host, `during ${stopAt}`).then(() => before.push('noted')),
      ]);
      await store.refresh();
      expect(store.shardNameOf(host)).toBe(to);
      const rows = await everything(store);
      expect(rows).toHaveLength(before.length);
    }
  });

  it('is refused to go to two shards at once', async () => {
    const bucket = bucketOf(await addHost(test.store));
    const home = test.store.map.shardOf(bucket) ?? '';
    const [one = '', two = ''] = ['s1', 's2', 's3'].filter((name) => name !== home);
    const onStep = () => {
      throw new Error('stopped');
    };
    await expect(moveBucket(test.store, { bucket, to: one, onStep })).rejects.toThrow('stopped');
    await expect(moveBucket(other, { bucket, to: two })).rejects.toMatchObject({
      code: 'API_CONFLICT',
    });
    expect(await moveBucket(other, { bucket, to: one })).toBe(true);
    expect(await moveBucket(other, { bucket, to: one })).toBe(false);
  });

  it(`moves under load (HALFLAP_SEED=${SEED})`, async () => {
    const random = randomFrom(SEED);
    const { store } = test;
    const hosts = await Promise.all(Array.from({ length: 6 }, () => addHost(store)));
    const start = (await everything(store)).length;
    let isMoving = true;
    let written = 0;
    const write = async (through: Store) => {
      while (isMoving) {
        await note(through, random.pick(hosts), 'load');
        written += 1;
      }
    };
    const move = async (through: Store) => {
      for (let turn = 0; turn < 8; turn += 1) {
        const bucket = bucketOf(random.pick(hosts));
        const to = random.pick(['s1', 's2', 's3']);
        await moveBucket(through, { bucket, to }).catch((error: { code?: string }) => {
          if (error.code !== 'API_CONFLICT') throw error;
        });
      }
    };
    const writers = [write(store), write(other), write(store)];
    await Promise.all([move(store), move(other)]).finally(() => {
      isMoving = false;
    });
    await Promise.all(writers);
    expect(written).toBeGreaterThan(0);
    expect(await everything(store)).toHaveLength(start + written);
    const { rows } = await readBuckets(store.fleet);
    expect(rows).toHaveLength(BUCKETS);
    expect(rows.filter(({ state }) => state === 'leaving')).toEqual([]);
  });
});

describe('planMoves', () => {
  const rows = (parts: Readonly<Record<string, number>>) => {
    let bucket = 0;
    return Object.entries(parts).flatMap(([shard, size]) =>
      Array.from({ length: size }, () => {
        bucket += 1;
        return { shard, bucket, state: 'owned' as const, moving_to: null, epoch: 1 };
      }),
    );
  };
  const sizes = (before: ReturnType<typeof rows>, shards: readonly string[]) => {
    const counts = new Map(shards.map((name) => [name, 0]));
    const moves = planMoves(before, shards);
    const to = new Map(moves.map((one) => [one.bucket, one.to]));
    for (const one of before) {
      const shard = to.get(one.bucket) ?? one.shard;
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    return { sizes: Object.fromEntries(counts), moves: moves.length };
  };

  it('evens out with as few moves as can be, and empties a shard that goes', () => {
    expect(sizes(rows({ a: 512, b: 512 }), ['a', 'b', 'c'])).toEqual({
      sizes: { a: 342, b: 341, c: 341 },
      moves: 341,
    });
    expect(sizes(rows({ a: 342, b: 341, c: 341 }), ['a', 'b', 'c']).moves).toBe(0);
    expect(sizes(rows({ a: 342, b: 341, c: 341 }), ['a', 'b'])).toEqual({
      sizes: { a: 512, b: 512 },
      moves: 341,
    });
  });

  it('lets arrive first what is on its way', () => {
    const before = rows({ a: 3, b: 1 }).map((row) =>
      row.bucket === 1 ? { ...row, state: 'leaving' as const, moving_to: 'b' } : row,
    );
    expect(planMoves(before, ['a', 'b'])).toEqual([{ bucket: 1, from: 'a', to: 'b' }]);
  });
});
