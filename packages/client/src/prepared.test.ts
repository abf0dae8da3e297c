import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Database, shardIn, withFleet } from '../test/fixture.js';

describe('a prepared statement that is gone', () => {
  let database: Database;
  beforeEach(async () => {
    database = await shardIn('settled');
  });
  afterEach(() => database.drop());

  const named = { name: 'all-hosts', text: 'select * from hosts order by id' };

  it('is prepared again after discard all, which the driver does not notice', async () => {
    const shards = [{ name: 'a', url: database.url }];
    await withFleet({ release: '1.0', shards, poolSize: 1 }, async ({ fleet }) => {
      const shard = fleet.shard('a');
      for (const reset of ['discard all', 'deallocate all']) {
        await shard.query(named);
        await shard.query(reset);
        expect((await shard.query(named)).rowCount).toBe(3);
        await shard.query(reset);
        const read = shard.transaction((client) => client.query(named), { retry: true });
        expect((await read).rowCount).toBe(3);
      }
    });
  });

  it('fails a transaction that may not be run again, and no other after it', async () => {
    const shards = [{ name: 'a', url: database.url }];
    await withFleet({ release: '1.0', shards, poolSize: 1 }, async ({ fleet }) => {
      const shard = fleet.shard('a');
      await shard.query(named);
      await shard.query('discard all');
      const read = () => shard.transaction((client) => client.query(named));
      await expect(read()).rejects.toMatchObject({ code: '26000' });
      expect((await read()).rowCount).toBe(3);
    });
  });
});
