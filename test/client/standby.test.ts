// A fleet whose shard is a hot standby: it reads, bound to its release, although nothing there can
// take a lease; and it holds one as soon as the standby has become the primary.

import { open } from '@halflap/client';
import { type PostgresServer, startPostgres, useServer } from '@halflap/engine/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { ROOT } from '../docs/page.js';
import { type Compiled, compileReleases } from '../evolving/releases.js';
import { installShard, type Shard } from '../evolving/shard.js';

let primary: PostgresServer;
let standby: PostgresServer;
let shard: Shard;
/** Nobody has prepared it. */
let settled: Shard;

beforeAll(async () => {
  const installation = inject('installation');
  primary = await startPostgres({ installation });
  useServer(primary.url('postgres'));
  const [only] = await compileReleases('inventory', `${ROOT}/examples/inventory/releases`);
  shard = await installShard(only as Compiled);
  await query(shard.url, "insert into hosts (name, owner) values ('ada', 'ops')");
  await shard.run('prepare');
  settled = await installShard(only as Compiled);
  // It is copied from the primary, with all that is there.
  standby = await startPostgres({ installation, standbyOf: primary });
});

function onStandby({ url }: Shard): string {
  const there = new URL(url);
  there.port = String(standby.port);
  return there.href;
}

afterAll(async () => {
  useServer(inject('serverUrl'));
  await standby?.stop();
  await primary?.stop();
});

async function query(url: string, text: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  return client.query(text).finally(() => client.end());
}

describe('a fleet on a standby', () => {
  it('is refused a lens of its own, which would be temporary objects', async () => {
    const shards = [{ name: 'eu1', url: onStandby(settled) }];
    const { bundle } = settled;
    const fleet = await open({ app: 'inventory', release: '2.0', shards, bundle });
    expect(fleet.status()).toMatchObject([
      {
        mode: 'refused',
        phase: 'settled',
        reason: expect.stringContaining('the database is a standby or read-only'),
        hint: 'halflap prepare --shard eu1 (to 2.0), on the primary',
      },
    ]);
    await fleet.close();
  });

  it('reads without a lease, and takes one once the standby is promoted', async () => {
    const standbyUrl = onStandby(shard);
    const shards = [{ name: 'eu1', url: standbyUrl }];
    const fleet = await open({ app: 'inventory', release: '2.0', server: 'web1', shards });
    try {
      const [status] = fleet.status();
      expect(status).toMatchObject({ mode: 'lens', phase: 'prepared' });
      expect(status?.reason).toContain('no lease');
      const read = () => fleet.shard('eu1').query('select name, team from hosts');
      expect((await read()).rows).toEqual([{ name: 'ada', team: 'ops' }]);
      const write = () => fleet.shard('eu1').query("update hosts set team = 'web'");
      await expect(write()).rejects.toMatchObject({ code: '25006' });

      await query(standbyUrl, 'select pg_promote()');
      expect((await fleet.check())[0]).toMatchObject({ mode: 'lens', reason: null });
      expect((await query(standbyUrl, 'select server, release from halflap.lease')).rows).toEqual([
        { server: 'web1', release: '2.0' },
      ]);
      expect((await write()).rowCount).toBe(1);
    } finally {
      await fleet.close();
    }
    expect((await query(standbyUrl, 'select from halflap.lease')).rowCount).toBe(0);
  });
});
