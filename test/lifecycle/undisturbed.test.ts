// What filling the new layout does to the tables of the release in the field: it reads them along
// their keys, a batch at a time, and writes to no row of theirs.

import { type Bundle, type Progress, runVerb } from '@halflap/engine';
import { describe, expect, it } from 'vitest';
import { type Client, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, type Shard } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  warehouseRows,
} from '../evolving/warehouse.js';

async function withInstalled(
  compiled: Compiled,
  body: (shard: Shard, client: Client) => Promise<void>,
): Promise<void> {
  const shard = await installShard(compiled);
  try {
    await withClient(shard.url, null, (client) => body(shard, client));
  } finally {
    await shard.drop();
  }
}

describe('rows of the release in the field', () => {
  it('stay where and as they are while the new layout is filled and compared', async () => {
    const compiled = await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES);
    await withInstalled(compiled, async (shard, client) => {
      await client.query(warehouseRows(300));
      const versions = async (table: string) =>
        (await client.query(`select id, ctid, xmin from ${table} order by id`)).rows;
      const places = await versions('places');
      const items = await versions('items');
      for (const verb of ['prepare', 'expand', 'verify'] as const) {
        await shard.run(verb);
        expect(await versions('places'), `places after ${verb}`).toEqual(places);
        expect(await versions('items'), `items after ${verb}`).toEqual(items);
      }
    });
  });
});

describe('tables that were never analysed', () => {
  const FROM = 'create table t (a int, b int, v int, word text, primary key (a, b));';
  const TO = 'create table t (a int, b int, v bigint, word text, primary key (a, b));';
  const ROWS = 6000;
  const BATCH_ROWS = 200;
  /** Each row is counted, found by its page, locked and copied. */
  const READINGS = 6;

  /** Rows and index entries that were read since the database began, by table. */
  async function read(client: Client, bundle: Bundle): Promise<Map<string, number>> {
    const { rows } = await client.query<{ relation: string; entries: string }>(
      `select relid::regclass as relation, seq_tup_read + (
           select sum(idx_tup_read) from pg_stat_all_indexes i where i.relid = t.relid
         ) as entries
       from pg_stat_all_tables t
       where relid = 'public.t'::regclass or schemaname = $1 and relname = 't'`,
      [bundle.workSchema],
    );
    return new Map(rows.map(({ relation, entries }) => [relation, Number(entries)]));
  }

  it('are filled along their keys, and it is told how far it is', async () => {
    const compiled = await compilePair(FROM, TO, null);
    await withInstalled(compiled, async (shard, client) => {
      const { bundle } = compiled;
      await client.query(`alter table t set (autovacuum_enabled = false);
        insert into t select i % 10, i, i, repeat('word ', 20) from generate_series(1, ${ROWS}) i`);
      const { rows } = await client.query<{ reltuples: string }>(
        "select reltuples from pg_class where oid = 't'::regclass",
      );
      expect(rows).toEqual([{ reltuples: '-1' }]);
      await shard.run('prepare');
      await shard.step('expand');
      // Now each batch has to look whether sync has made its rows.
      await client.query('update t set v = v + 1 where b % 10 = 0');
      const before = await read(client, bundle);
      const told: Progress[] = [];
      const stop = new AbortController();
      const filling = runVerb({
        url: shard.url,
        shard: 'eu1',
        bundle,
        verb: 'expand',
        limits: LIMITS,
        pace: { batchRows: BATCH_ROWS },
        signal: stop.signal,
        onProgress: (progress) => told.push(progress),
        log: (line) => {
          if (line.startsWith('expand/backfill/t: done')) stop.abort();
        },
      });
      await expect(filling).rejects.toMatchObject({ code: 'INTERRUPTED' });
      expect(told.length).toBeGreaterThanOrEqual(ROWS / BATCH_ROWS);
      for (const { rowsEstimated, rowsDone, secondsLeft } of told) {
        expect(rowsEstimated).toBe(ROWS);
        expect(rowsDone).toBeLessThanOrEqual(ROWS);
        expect(secondsLeft).toBeGreaterThanOrEqual(0);
      }
      const after = await read(client, bundle);
      expect(after.size).toBe(2);
      for (const [relation, entries] of after) {
        // A whole table for each batch would be many times as much.
        expect(entries - (before.get(relation) ?? 0), relation).toBeLessThan(ROWS * READINGS);
      }
    });
  });
});
