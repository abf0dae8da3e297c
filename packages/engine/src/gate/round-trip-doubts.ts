// Rows that do not come back from the new release, and values that it could not write back.

import { anyDiffers, typesOf } from '../compile/compared.js';
import type { Mapping } from '../compile/mapping.js';
import type { Rebuilt } from '../compile/rebuilt.js';
import { writtenColumns } from '../compile/slices.js';
import type { Table } from '../release/catalog.js';
import { type Sql, sql } from '../sql.js';
import { type Doubt, exists, made, tableOf, written } from './doubt.js';
import { ask, type Ground, lensOf, madeAgain, notKept, readAgain, rowsOf, unlike } from './hops.js';

export function keptDoubt(ground: Ground, one: Rebuilt, mapping: Mapping): Doubt {
  const lens = lensOf(ground);
  const { places } = ground.evolving;
  const table = tableOf(one, mapping);
  const rows = notKept(mapping, lens);
  return {
    kind: 'not kept',
    table,
    isWrong: () => exists(ground, rows),
    columns: async () => [],
    message: () => `a row of ${table.name} does not come back from release ${places.to}`,
    shown: async () => [
      ...(await written(ground, one)),
      ...(await made(ground, one, 'comes back')),
    ],
  };
}

export function stableDoubt(
  ground: Ground,
  one: Rebuilt,
  { mapping, table }: { readonly mapping: Mapping; readonly table: Table },
): Doubt {
  const lens = lensOf(ground);
  const { to } = ground.evolving.places;
  const then = readAgain(one, madeAgain(one, lens));
  const rows = unlike(mapping, table, { first: lens, then });
  return {
    kind: 'not stable',
    table,
    isWrong: () => exists(ground, rows),
    columns: () => differing(ground, rows, { mapping, table }),
    message: (columns) => {
      const what = columns.length === 0 ? 'a row' : columns.join(', ');
      return `release ${to} reads ${what} of ${table.name}, and could not write it back`;
    },
    shown: async () => [
      ...(await written(ground, one)),
      ...(await made(ground, one, 'comes back')),
      { said: `${to} would read`, rows: await rowsOf(ground, table, then(mapping.target)) },
    ],
  };
}

/** Columns in which the two sides of `unlike` differ. */
async function differing(
  ground: Ground,
  rows: Sql,
  { mapping, table }: { readonly mapping: Mapping; readonly table: Table },
): Promise<string[]> {
  const columns = writtenColumns(mapping);
  const types = typesOf(table);
  const flags = columns.map((column) => sql`bool_or(${anyDiffers('n', 'q', [column], types)})`);
  const [row] = await ask<{ flags: boolean[] }>(
    ground,
    sql`select array[${flags}] as flags ${rows}`,
  );
  const found = columns.filter((_, place) => row?.flags[place] === true);
  return mapping.key.some((column) => found.includes(column)) ? [] : found;
}
