// The primary dies in the midst of a backfill and its standby takes over: what both releases were
// told is done is there, and the evolution goes on to its end on the new primary.

import { runVerb } from '@halflap/engine';
import { type PostgresServer, startPostgres, useServer } from '@halflap/engine/testing';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { openClient, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, NEW_PATH, type Shard } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  WAREHOUSE_VIEWS,
  warehouseRows,
} from '../evolving/warehouse.js';

const ROWS = 20_000;
const FIRST_KEYS = { old: 100_000, new: 200_000 };
type Release = keyof typeof FIRST_KEYS;

let primary: PostgresServer;
let standby: PostgresServer;
let compiled: Compiled;
let shard: Shard;

beforeAll(async () => {
  const installation = inject('installation');
  primary = await startPostgres({ installation });
  useServer(primary.url('postgres'));
  compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
  shard = await installShard(compiled);
  await query(shard.url, warehouseRows(ROWS));
  await shard.run('prepare');
  const settings = { wal_receiver_status_interval: '1s' };
  standby = await startPostgres({ installation, settings, standbyOf: primary });
  // What is acknowledged from now on is on the standby, too.
  await query(shard.url, "alter system set synchronous_standby_names = '*'");
  await query(shard.url, 'select pg_reload_conf()');
});

afterAll(async () => {
  useServer(inject('serverUrl'));
  await standby?.stop();
  await primary?.stop();
});

function query(url: string, text: string, searchPath: string | null = null) {
  return withClient(url, searchPath, async (client) => {
    const { rows } = await client.query<Record<string, string>>(text);
    return rows;
  });
}

/** Inserts a row after the other until the server is gone; gives the keys that it acknowledged. */
async function writeUntilLost(release: Release): Promise<number[]> {
  const client = await openClient(shard.url, release === 'new' ? NEW_PATH : null);
  const columns = release === 'new' ? 'id, place, title, bytes' : 'id, place, name, size';
  const acknowledged: number[] = [];
  try {
    for (let key = FIRST_KEYS[release]; ; key += 1) {
      await client.query(`insert into items (${columns}) values (${key}, 1, 'late', 1024)`);
      acknowledged.push(key);
    }
  } catch {
    return acknowledged;
  } finally {
    await client.end().catch(() => {});
  }
}

describe('a failover in the midst of a backfill', () => {
  it('loses nothing that was acknowledged, and expand goes on where it was', async () => {
    const writers = [writeUntilLost('old'), writeUntilLost('new')];
    const expanding = runVerb({
      url: shard.url,
      shard: 'eu1',
      bundle: compiled.bundle,
      verb: 'expand',
      limits: LIMITS,
      pace: { batchRows: 50 },
    }).catch((error: unknown) => error);
    const filled = async () => {
      const [row] = await query(
        shard.url,
        "select coalesce(max(rows_done), 0) as rows from halflap.progress where relation = 'items'",
      );
      return Number(row?.rows);
    };
    while ((await filled()) < ROWS / 10);
    await primary.kill();
    const acknowledged = (await Promise.all(writers)).flat();
    expect(await expanding).toBeInstanceOf(Error);
    expect(acknowledged.length).toBeGreaterThan(10);

    const url = new URL(shard.url);
    url.port = String(standby.port);
    await query(url.href, 'select pg_promote()');
    const [state] = await query(
      url.href,
      `select phase, (select is_done from halflap.progress where relation = 'items') as is_done
       from halflap.shard`,
    );
    expect(state).toEqual({ phase: 'expanding', is_done: 'f' });

    const go = (verb: 'expand' | 'verify' | 'contract') =>
      runVerb({ url: url.href, shard: 'eu1', bundle: compiled.bundle, verb, limits: LIMITS });
    await go('expand');
    await go('verify');
    const found = await query(url.href, WAREHOUSE_VIEWS.old);
    expect(await query(url.href, WAREHOUSE_VIEWS.new, NEW_PATH)).toEqual(found);
    const keys = new Set(found.map(({ id }) => Number(id)));
    expect(acknowledged.filter((key) => !keys.has(key))).toEqual([]);
    expect(found.length).toBeGreaterThanOrEqual(ROWS + acknowledged.length);
    await go('contract');
    expect(await unlikeFresh(url.href, compiled.bundle)).toEqual([]);
  });
});
