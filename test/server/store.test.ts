// The store: installed once whoever comes first, its hosts spread over all shards, one owner of
// what has one.

import { join } from 'node:path';
import { fingerprint, loadRelease } from '@halflap/engine';
import { freshDatabase, withDatabase } from '@halflap/engine/testing';
import {
  assertOwner,
  BUCKETS,
  bucketOf,
  giveLease,
  openStore,
  releasesDirectory,
  renewLease,
  takeLease,
} from '@halflap/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTestStore, SILENT, type TestStore } from './store.js';

let test: TestStore;

beforeAll(async () => {
  test = await openTestStore(3);
});

afterAll(() => test.drop());

describe('the release of the store', () => {
  it('is what its fingerprint says', async () => {
    const directory = join(releasesDirectory(), '1.0');
    const release = await loadRelease(directory, { withDatabase });
    await expect(`${fingerprint(release.catalog)}\n`).toMatchFileSnapshot(
      join(directory, 'fingerprint'),
    );
  });
});

describe('openStore', () => {
  it('gives every bucket to one shard, though several servers start at once', async () => {
    const others = await Promise.all([test.open('two'), test.open('three')]);
    for (const store of [test.store, ...others]) {
      const { rows } = await store.refresh();
      expect(rows).toHaveLength(BUCKETS);
      expect(new Set(rows.map(({ bucket }) => bucket)).size).toBe(BUCKETS);
    }
    const parts = ['s1', 's2', 's3'].map(
      (shard) => test.store.map.rows.filter((row) => row.shard === shard).length,
    );
    expect(Math.max(...parts) - Math.min(...parts)).toBeLessThan(2);
  });

  it('goes on with giving out buckets where a server was stopped in the middle', async () => {
    const [s1, s2] = await Promise.all([freshDatabase(), freshDatabase()]);
    const shards = [s1, s2].map(({ url }, at) => ({ name: `s${at + 1}`, url }));
    const options = { shards, server: 'five', poolSize: 1, log: SILENT };
    try {
      const first = await openStore(options);
      // The home shard's part comes last, with the note that it was done.
      await first.home.query('delete from buckets');
      await first.home.query('delete from buckets_given_out');
      await first.close();
      const second = await openStore(options);
      const buckets = second.map.rows.map(({ bucket }) => bucket);
      await second.close();
      expect(buckets.sort((a, b) => a - b)).toEqual(Array.from({ length: BUCKETS }, (_, at) => at));
    } finally {
      await Promise.all([s1.drop(), s2.drop()]);
    }
  });

  it('serves the hosts of the other shards where one is away', async () => {
    const [s1, s2, s3] = test.shards as [{ name: string; url: string }, ...typeof test.shards];
    const away = { name: 's2', url: 'postgres://nobody@127.0.0.1:1/none' };
    const shards = [s1, away, s3 ?? s1];
    const store = await openStore({ shards, server: 'four', poolSize: 2, log: SILENT });
    try {
      const ids = Array.from({ length: 64 }, () => crypto.randomUUID());
      const there = ids.filter((id) => store.map.shardOf(bucketOf(id)) !== undefined);
      expect(there.length).toBeGreaterThan(0);
      expect(there.length).toBeLessThan(ids.length);
      const lost = ids.find((id) => !there.includes(id)) ?? '';
      await expect(store.withHost(there[0] ?? '', async () => 'done')).resolves.toBe('done');
      expect(() => store.shardOf(lost)).toThrow(
        expect.objectContaining({ code: 'STORE_UNAVAILABLE', retryable: true }),
      );
      expect(test.store.shardOf(lost).name).toBe(s2?.name);
    } finally {
      await store.close();
    }
  });

  it('refuses to give out buckets while a shard may have some', async () => {
    await withDatabase(async (url) => {
      const shards = [
        { name: 'a', url },
        { name: 'b', url: 'postgres://nobody@127.0.0.1:1/none' },
      ];
      await expect(
        openStore({ shards, server: 'five', poolSize: 2, log: SILENT }),
      ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    });
  });
});

describe('leases', () => {
  it('have one owner, and a number that grows with each', async () => {
    const { home } = test.store;
    const first = await takeLease(home, { name: 'x', owner: 'one' }, 60);
    expect(first).toMatchObject({ fence: 1 });
    expect(await takeLease(home, { name: 'x', owner: 'two' }, 60)).toBeNull();
    expect(await takeLease(home, { name: 'x', owner: 'one' }, 60)).toEqual(first);
    if (first === null) throw new Error('no lease');
    expect(await renewLease(home, first, 60)).toBe(true);
    await giveLease(home, first);
    const second = await takeLease(home, { name: 'x', owner: 'two' }, 60);
    expect(second).toMatchObject({ fence: 2, owner: 'two' });
    expect(await renewLease(home, first, 60)).toBe(false);
    await expect(home.transaction((client) => assertOwner(client, first))).rejects.toMatchObject({
      code: 'LEASE_LOST',
    });
  });

  it('are given to one of many who ask at once', async () => {
    const asked = Array.from({ length: 8 }, (_, at) =>
      takeLease(test.store.home, { name: 'y', owner: `owner ${at}` }, 60),
    );
    expect((await Promise.all(asked)).filter((one) => one !== null)).toHaveLength(1);
  });
});
