// A server of the new release that prepares its shard itself: with the role of the application's
// owner it does; with a role that may only read and write, it is refused and says what is missing.

import { randomBytes } from 'node:crypto';
import { type Fleet, open } from '@halflap/client';
import { runVerb } from '@halflap/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { APP, type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, type Shard } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  warehouseRows,
} from '../evolving/warehouse.js';

const role = `clerk_${randomBytes(4).toString('hex')}`;
/** Made anew for each run of the test. */
const password = randomBytes(8).toString('hex');

let compiled: Compiled;
let shard: Shard;

beforeAll(async () => {
  compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
  shard = await installShard(compiled);
  await withClient(shard.url, null, (client) =>
    client.query(`${warehouseRows(30)}
      create role ${role} login password '${password}';
      grant select, insert, update, delete on all tables in schema public to ${role}`),
  );
});

afterAll(async () => {
  const server = new URL(shard.url);
  server.pathname = '/postgres';
  await shard.drop();
  await withClient(server.href, null, (client) => client.query(`drop role ${role}`));
});

/** Opens the fleet of a server of 2.0 that may prepare, as its configuration says. */
function openServer(url: string): Promise<Fleet> {
  return open({
    app: APP,
    release: '2.0',
    server: 'web1',
    shards: [{ name: 'eu1', url }],
    prepare: async (target) => {
      const { bundle } = compiled;
      await runVerb({
        url: target.url,
        shard: target.name,
        bundle,
        verb: 'prepare',
        runner: 'web1',
      });
    },
  });
}

describe('a server of the new release that may prepare', () => {
  it('is refused clearly where its role may not, and nothing is changed', async () => {
    const url = new URL(shard.url);
    url.username = role;
    url.password = password;
    const fleet = await openServer(url.href);
    const [status] = fleet.status();
    expect(status).toMatchObject({ mode: 'refused', phase: 'settled' });
    expect(status?.reason).toMatch(/prepare failed: .* on shard eu1: permission denied/);
    expect(status?.hint).toMatch(/^use the role that owns the tables/);
    expect(status?.reason).not.toContain(password);
    await expect(fleet.shard('eu1').query('select 1')).rejects.toMatchObject({
      code: 'CLIENT_NOT_SERVED',
    });
    await fleet.close();
    await withClient(shard.url, null, async (client) => {
      const { rows } = await client.query(
        `select phase, to_regnamespace('shop_2_0') as schema,
           (select count(*) from halflap.journal) as steps from halflap.shard`,
      );
      expect(rows).toEqual([{ phase: 'settled', schema: null, steps: '0' }]);
    });
  });

  it('prepares a settled shard, works on it, and is named in its journal', async () => {
    const fleet = await openServer(shard.url);
    expect(fleet.status()).toMatchObject([{ mode: 'lens', phase: 'prepared' }]);
    const counted = 'select count(*)::int as notes from notes';
    expect((await fleet.shard('eu1').query(counted)).rows).toEqual([{ notes: 10 }]);
    await fleet.close();
    await withClient(shard.url, null, async (client) => {
      const { rows } = await client.query('select step, runner from halflap.journal order by id');
      expect(rows).toEqual([{ step: 'prepare/lens', runner: 'web1' }]);
    });
  });
});
