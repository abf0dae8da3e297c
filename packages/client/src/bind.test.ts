import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { admin, type Database, shardIn, withFleet } from '../test/fixture.js';
import { withPooler } from '../test/pooler.js';
import { poolConfig } from './bind.js';
import { settingsOf } from './options.js';

const PATH = '"app_2_0", public';

describe('a bound connection', () => {
  let database: Database;
  beforeEach(async () => {
    database = await shardIn('prepared');
  });
  afterEach(() => database.drop());

  const opened = <Result>(url: string, body: Parameters<typeof withFleet<Result>>[1]) =>
    withFleet({ release: '2.0', shards: [{ name: 'a', url }] }, body);

  it('sees the release’s schema first and names its server and release', async () => {
    await opened(database.url, async ({ fleet }) => {
      const { rows } = await fleet.shard('a').query(`select current_setting('search_path') as path,
                       current_setting('application_name') as name`);
      expect(rows).toEqual([{ path: PATH, name: 'web1/app@2.0' }]);
      const hosts = await fleet.shard('a').query('select hostname from hosts order by id');
      expect(hosts.rows.map((row) => row.hostname)).toEqual(['ada', 'bob', 'eve']);
    });
  });

  it('returns to its release after reset all and discard all', async () => {
    await opened(database.url, async ({ fleet }) => {
      for (const reset of ['reset all', 'discard all']) {
        await fleet.shard('a').query(reset);
        const { rows } = await fleet.shard('a').query('show search_path');
        expect(rows).toEqual([{ search_path: PATH }]);
      }
    });
  });

  for (const manner of ['drops', 'refuses'] as const) {
    it(`is bound behind a pooler that ${manner} startup options`, async () => {
      await withPooler(database.url, manner, (url) =>
        opened(url, async ({ fleet, messages }) => {
          const { rows } = await fleet.shard('a').query('show search_path');
          expect(rows).toEqual([{ search_path: PATH }]);
          const names = await fleet.shard('a').query('show application_name');
          expect(names.rows).toEqual([{ application_name: 'web1/app@2.0' }]);
          expect(messages.join().includes('statement alone')).toBe(manner === 'refuses');
        }),
      );
    });
  }

  it('keeps other options of a URL or a configuration, all but search_path', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c search_path=public -c work_mem=7MB');
    url.searchParams.set('application_name', 'other');
    await opened(url.href, async ({ fleet }) => {
      await fleet.shard('a').query('reset all');
      const { rows } = await fleet.shard('a').query(`select current_setting('search_path') as path,
                       current_setting('work_mem') as memory,
                       current_setting('application_name') as name`);
      expect(rows[0]).toEqual({ path: PATH, memory: '7MB', name: 'web1/app@2.0' });
    });
    const target = { name: 'a', pool: { connectionString: database.url, options: '-c jit=off' } };
    await withFleet({ release: '2.0', shards: [target] }, async ({ fleet }) => {
      expect((await fleet.shard('a').query('show jit')).rows).toEqual([{ jit: 'off' }]);
    });
  });

  it('costs one statement per connection and none per statement', async () => {
    await admin(database.url, 'create table counted (n int)');
    await withFleet(
      { release: '2.0', shards: [{ name: 'a', url: database.url }], poolSize: 1 },
      async ({ fleet }) => {
        const sent: string[] = [];
        await fleet.shard('a').query('select 1');
        const spy = (text: unknown) => sent.push(String(text));
        await fleet.shard('a').transaction(async (client) => {
          const original = client.query.bind(client);
          Object.assign(client, {
            query: (...given: Parameters<typeof original>) => {
              spy(given[0]);
              return original(...given);
            },
          });
        });
        for (let at = 0; at < 5; at += 1) await fleet.shard('a').query('select 1');
        expect(sent).toEqual(['commit', ...Array(5).fill('select 1')]);
      },
    );
  });
});

describe('poolConfig', () => {
  it('leaves a URL as it is when nothing in it would win over the release', () => {
    const url = 'postgres://me:p%40ss@db/x?sslmode=disable';
    const settings = settingsOf({ app: 'app', release: '2.0', shards: [{ name: 'a', url }] });
    expect(poolConfig({ name: 'a', url }, settings)).toMatchObject({
      connectionString: url,
      options: '-c search_path="app_2_0",\\ public',
    });
  });
});
