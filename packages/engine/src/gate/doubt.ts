// Something that may be wrong with the rows of a prepared shard: how to see that it is, and what to
// show of it.

import type { Mapping } from '../compile/mapping.js';
import type { Rebuilt } from '../compile/rebuilt.js';
import type { Table } from '../release/catalog.js';
import { type Sql, sql } from '../sql.js';
import type { CounterExample, Shown, ShownRow } from './counter-example.js';
import { ask, type Ground, lensOf, madeAgain, rowsOf } from './hops.js';

/** Something that is wrong with the rows that are there. */
export interface Doubt {
  readonly kind: CounterExample['kind'];
  readonly table: Table;
  readonly isWrong: () => Promise<boolean>;
  /** Columns of the new release that differ. */
  readonly columns: () => Promise<readonly string[]>;
  readonly message: (columns: readonly string[]) => string;
  readonly shown: () => Promise<Shown[]>;
}

export async function exists(ground: Ground, rows: Sql): Promise<boolean> {
  return (await ask(ground, sql`select ${rows} limit 1`)).length > 0;
}

export async function written(ground: Ground, one: Rebuilt): Promise<Shown[]> {
  const { from, to } = ground.evolving.places;
  const lens = lensOf(ground);
  const [olds, news]: [ShownRow[], ShownRow[]] = [[], []];
  for (const { table, relation } of one.cluster.olds) {
    olds.push(...(await rowsOf(ground, table, lens(relation))));
  }
  for (const { table, relation } of one.cluster.parts) {
    news.push(...(await rowsOf(ground, table, lens(relation))));
  }
  return [
    { said: `${from} wrote`, rows: olds },
    { said: `${to} reads`, rows: news },
  ];
}

export async function made(ground: Ground, one: Rebuilt, said: string): Promise<Shown[]> {
  const again = madeAgain(one, lensOf(ground));
  const rows: ShownRow[] = [];
  for (const { table, relation } of one.cluster.olds) {
    rows.push(...(await rowsOf(ground, table, again(relation))));
  }
  return [{ said, rows }];
}

export function tableOf({ cluster }: Rebuilt, { target }: Mapping): Table {
  const olds = cluster.olds.find((one) => one.relation === target)?.table;
  const found = olds ?? cluster.parts.find((one) => one.relation === target)?.table;
  if (found === undefined) throw new TypeError(`no table for ${target.name}`);
  return found;
}
