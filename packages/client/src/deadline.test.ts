import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, shardIn, withFleet, withSession } from '../test/fixture.js';
import { withPooler } from '../test/pooler.js';
import type { TransactionOptions } from './index.js';

/** Shorter than any hang that these tests are about. */
const TIMEOUT_MS = 30_000;

describe('timeoutMs', { timeout: TIMEOUT_MS }, () => {
  let database: Database;
  beforeEach(async () => {
    database = await shardIn('settled');
  });
  afterEach(() => database.drop());

  it('cancels the statement also while other calls wait for every connection', async () => {
    const shards = [{ name: 'a', url: database.url }];
    await withFleet({ release: '1.0', shards, poolSize: 1 }, ({ fleet }) =>
      withSession(database.url, async (watcher) => {
        const shard = fleet.shard('a');
        const isAsleep = async () => {
          const { rows } = await watcher.query(
            `select 1 from pg_stat_activity
             where datname = current_database() and wait_event = 'PgSleep'`,
          );
          return rows.length > 0;
        };
        const late = shard.query('select pg_sleep(600)', [], { timeoutMs: 500 });
        while (!(await isAsleep()));
        const holder = shard.withClient(async () => {
          while (await isAsleep());
        });
        await expect(late).rejects.toMatchObject({ code: 'CLIENT_TIMED_OUT' });
        await holder;
      }),
    );
  });

  it('bounds the whole call, the question whether the shard still serves included', async () => {
    const leaseSeconds = 3;
    await withPooler(database.url, 'drops', async (url, pooler) => {
      const shards = [{ name: 'a', url }];
      const options = { release: '1.0', shards, leaseSeconds, connectTimeoutMs: 20_000 };
      await withFleet(options, async ({ fleet }) => {
        const shard = fleet.shard('a');
        pooler.freeze();
        const startedAt = performance.now();
        // The heartbeat hangs from its next beat on, and the lease runs out beside it.
        while (performance.now() - startedAt < (leaseSeconds + 1) * 1000) {
          const calledAt = performance.now();
          const call = shard.query('select 1', [], { timeoutMs: 100 });
          await expect(call).rejects.toMatchObject({ code: 'CLIENT_TIMED_OUT' });
          expect(performance.now() - calledAt).toBeLessThan(2000);
        }
        pooler.thaw();
        await fleet.check();
        expect((await shard.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
      });
    });
  });

  it('is a number of milliseconds, and each option says what it expects', async () => {
    const shards = [{ name: 'a', url: database.url }];
    await withFleet({ release: '1.0', shards }, async ({ fleet }) => {
      for (const timeoutMs of [0, -1, Number.NaN, 2 ** 31, '5s' as unknown as number]) {
        const call = fleet.shard('a').query('select 1', [], { timeoutMs });
        await expect(call).rejects.toMatchObject({ code: 'CLIENT_OPTIONS' });
      }
      const odd = [{ isolation: 'read_committed' }, { retry: -1 }, { retry: 'yes' }];
      for (const options of odd as unknown as TransactionOptions[]) {
        const call = fleet.shard('a').transaction(async () => 1, options);
        await expect(call).rejects.toMatchObject({ code: 'CLIENT_OPTIONS' });
      }
    });
  });
});
