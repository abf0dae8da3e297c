// How fast does an expansion fill the new layout, against one bare INSERT … SELECT per new table
// on the same rows, the same server and the same kind of tables?

import { BARE_FILL, BARE_TABLES } from './data.js';
import { quantile } from './measure.js';
import type { BenchOptions } from './options.js';
import { type Bench, createFilled, drive, withClient } from './shards.js';

export interface BackfillFigures {
  readonly rows: number;
  /** Rows of the old table per second, one entry per repetition. */
  readonly backfill: readonly number[];
  readonly bare: readonly number[];
  /** Median of backfill divided by median of bare. */
  readonly ratio: number;
}

export async function measureBackfill(
  bench: Bench,
  { rows, cycles }: BenchOptions,
  tell: (line: string) => void,
): Promise<BackfillFigures> {
  const url = await createFilled(bench, { name: 'backfill', release: bench.from, rows });
  const backfill: number[] = [];
  const bare: number[] = [];
  for (let cycle = 0; cycle < Math.max(3, cycles); cycle += 1) {
    tell(`backfill: repetition ${cycle + 1}`);
    await drive(bench, url, ['prepare']);
    bare.push(rows / (await fillBare(bench, url)));
    const [outcome] = await drive(bench, url, ['expand']);
    const step = outcome?.steps.find(({ id }) => id.startsWith('expand/backfill/'));
    backfill.push(rows / (step?.seconds ?? Number.NaN));
    await drive(bench, url, ['abort']);
  }
  const ratio = quantile(backfill, 0.5) / quantile(bare, 0.5);
  return { rows, backfill, bare, ratio };
}

/** Fills tables that are made like those of a prepared shard; returns seconds. */
async function fillBare({ bundle }: Bench, url: string): Promise<number> {
  return withClient(url, async (client) => {
    await client.query('create schema bare');
    for (const table of BARE_TABLES) {
      await client.query(
        `create table bare.${table} (like ${bundle.workSchema}.${table} including all)`,
      );
    }
    const startedAt = performance.now();
    await client.query('begin');
    for (const statement of BARE_FILL) await client.query(statement);
    await client.query('commit');
    const seconds = (performance.now() - startedAt) / 1000;
    await client.query('drop schema bare cascade');
    return seconds;
  });
}
