import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, type Database, moveTo, shardIn, withFleet } from '../test/fixture.js';
import type { GatherOptions } from './index.js';

const byId: GatherOptions = { orderBy: [{ column: 'id' }] };

describe('gather', () => {
  let databases: Database[];
  let shards: { name: string; url: string }[];
  beforeAll(async () => {
    databases = await Promise.all(['a', 'b', 'c'].map(() => shardIn('settled')));
    shards = databases.map(({ url }, at) => ({ name: 'abc'[at] ?? '', url }));
    for (const [at, { url }] of databases.entries()) {
      await admin(url, `update hosts set id = id * 10 + ${at}, name = name || '${at}'`);
    }
  });
  afterAll(() => Promise.all(databases.map((database) => database.drop())));

  const withAll = (body: Parameters<typeof withFleet<void>>[1]) =>
    withFleet({ release: '1.0', shards, connectTimeoutMs: 1000 }, body);

  it('merges the rows of all shards in order, and accounts for every shard', async () => {
    await withAll(async ({ fleet }) => {
      const { rows, outcomes } = await fleet.gather<{ id: string; at: string }>(
        'select id from hosts where id > $1 order by id',
        [10],
        { ...byId, shardColumn: 'at' },
      );
      expect(rows.map(({ id, at }) => `${id}${at}`)).toEqual([
        '11b',
        '12c',
        '20a',
        '21b',
        '22c',
        '30a',
        '31b',
        '32c',
      ]);
      expect(outcomes).toMatchObject([
        { shard: 'a', ok: true, mode: 'native', rows: 2 },
        { shard: 'b', ok: true, mode: 'native', rows: 3 },
        { shard: 'c', ok: true, mode: 'native', rows: 3 },
      ]);
      expect(outcomes.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    });
  });

  it('orders descending, by several terms, with a limit', async () => {
    await withAll(async ({ fleet }) => {
      const { rows } = await fleet.gather(
        'select id, owner from hosts order by owner desc, id limit 4',
        [],
        { orderBy: [{ column: 'owner', direction: 'desc' }, { column: 'id' }], limit: 4 },
      );
      expect(rows.map(({ id }) => id)).toEqual(['30', '31', '32', '20']);
    });
  });

  it('asks only the shards that are named, one list after the other without an order', async () => {
    await withAll(async ({ fleet }) => {
      const { rows, outcomes } = await fleet.gather('select name from hosts where id < 20', [], {
        shards: ['c', 'a'],
      });
      expect(rows).toEqual([{ name: 'ada2' }, { name: 'ada0' }]);
      expect(outcomes.map(({ shard }) => shard)).toEqual(['c', 'a']);
      const odd = fleet.gather('select 1', [], { shards: ['d'] });
      await expect(odd).rejects.toThrow(/no shard d/);
    });
  });

  it('refuses rows that are not in the stated order instead of misordering them', async () => {
    await withAll(async ({ fleet }) => {
      const unordered = fleet.gather('select id from hosts order by id desc', [], byId);
      await expect(unordered).rejects.toThrow(/shard a comes before row/);
      const odd = fleet.gather(
        `select case current_database() when $1 then id::int::text else name end as id
         from hosts order by 1`,
        [new URL(databases[0]?.url ?? '').pathname.slice(1)],
        { orderBy: [{ column: 'name' }] },
      );
      await expect(odd).rejects.toThrow(/column name; the rows have id/);
    });
  });

  it('reports a refused statement, a dead port and a silent one; none is fatal', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const address = silent.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const more = [
      ...shards,
      { name: 'silent', url: `postgres://u:hush@127.0.0.1:${port}/x` },
      { name: 'dead', url: 'postgres://u:hush@127.0.0.1:1/x' },
    ];
    await admin(databases[1]?.url ?? '', 'alter table hosts rename column owner to other');
    const options = { release: '1.0', shards: more, connectTimeoutMs: 300 };
    await withFleet(options, async ({ fleet, messages }) => {
      const { rows, outcomes } = await fleet.gather('select id, owner from hosts order by id', [], {
        ...byId,
      });
      expect(rows.map(({ id }) => id)).toEqual(['10', '12', '20', '22', '30', '32']);
      expect(outcomes).toMatchObject([
        { shard: 'a', ok: true },
        { shard: 'b', ok: false, mode: 'native', rows: 0, error: { code: '42703' } },
        { shard: 'c', ok: true },
        { shard: 'silent', ok: false, mode: 'unreachable', error: { code: 'SHARD_UNREACHABLE' } },
        { shard: 'dead', ok: false, mode: 'unreachable', error: { code: 'SHARD_UNREACHABLE' } },
      ]);
      const none = { ...byId, shards: ['silent', 'dead'] };
      const nothing = await fleet.gather('select id from hosts order by id', [], none);
      expect(nothing.rows).toEqual([]);
      expect(nothing.outcomes.map(({ ok }) => ok)).toEqual([false, false]);
      const all = await fleet
        .gather('select id from hosts order by id', [], { ...byId, requireAll: true })
        .catch((error: unknown) => error);
      expect(all).toMatchObject({ code: 'GATHER_FAILED', retryable: true });
      expect(all).toMatchObject({
        detail: {
          evidence: [
            expect.stringMatching(/^silent \(unreachable\): /),
            expect.stringMatching(/^dead \(unreachable\): .*ECONNREFUSED/),
          ],
        },
      });
      expect(messages.join('\n') + JSON.stringify(all)).not.toContain('hush');
    });
    silent.close();
    await admin(databases[1]?.url ?? '', 'alter table hosts rename column other to owner');
  });

  it('does not wait for a slow shard longer than agreed', async () => {
    await withAll(async ({ fleet }) => {
      const slow = new URL(databases[2]?.url ?? '').pathname.slice(1);
      const { rows, outcomes } = await fleet.gather(
        `select id from hosts where pg_sleep(case current_database() when $1 then 600 else 0 end)
         is not null order by id limit 1`,
        [slow],
        { ...byId, timeoutMs: 500 },
      );
      expect(rows.map(({ id }) => id)).toEqual(['10', '11']);
      expect(outcomes[2]).toMatchObject({ ok: false, error: { code: 'CLIENT_TIMED_OUT' } });
    });
  });

  it('spans shards in different phases, and names the mode of each', async () => {
    await moveTo(databases[0]?.url ?? '', 'prepared');
    await moveTo(databases[1]?.url ?? '', 'dual');
    await withFleet({ release: '2.0', shards }, async ({ fleet }) => {
      const { rows, outcomes } = await fleet.gather(
        'select hostname from hosts order by hostname collate "C"',
        [],
        { orderBy: [{ column: 'hostname' }] },
      );
      expect(rows.map(({ hostname }) => hostname)).toEqual([
        'ada0',
        'ada1',
        'bob0',
        'bob1',
        'eve0',
        'eve1',
      ]);
      expect(outcomes).toMatchObject([
        { ok: true, mode: 'lens' },
        { ok: true, mode: 'native' },
        { ok: false, mode: 'refused', error: { code: 'CLIENT_NOT_SERVED' } },
      ]);
    });
    await moveTo(databases[0]?.url ?? '', 'settled');
    await moveTo(databases[1]?.url ?? '', 'settled');
  });
});

describe('shardFor', () => {
  it('gives the shard of a key, or the one that the application’s own function names', async () => {
    const database = await shardIn('settled');
    const shards = ['a', 'b', 'c'].map((name) => ({ name, url: database.url }));
    await withFleet({ release: '1.0', shards }, async ({ fleet }) => {
      expect(fleet.shardFor('host-17').name).toBe('a');
      expect(fleet.shardFor('host-17')).toBe(fleet.shard('a'));
    });
    const locate = (key: string, names: readonly string[]) => names[key.length] ?? '';
    await withFleet({ release: '1.0', shards, locate }, async ({ fleet }) => {
      expect(fleet.shardFor('xx').name).toBe('c');
      expect(() => fleet.shardFor('xxx')).toThrow(/no shard/);
    });
    await database.drop();
  });
});
