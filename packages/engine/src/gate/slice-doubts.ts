// Queries of the author that look beyond the slice: what they give would not be computed again when
// the rows that they look at change.

import { anyDiffers, sameKey, typesOf } from '../compile/compared.js';
import { type Bind, bindWith, type Mapping } from '../compile/mapping.js';
import type { Rebuilt } from '../compile/rebuilt.js';
import { writtenColumns } from '../compile/slices.js';
import { literal, name, sql, trusted } from '../sql.js';
import { type Doubt, exists, tableOf, written } from './doubt.js';
import { ask, type Ground, lensOf, rowsOf } from './hops.js';

/** Whether a query sees more than it may: only tables of its change are cut into slices. */
export function sliceDoubts(ground: Ground, one: Rebuilt): Doubt[] {
  const lens = lensOf(ground);
  const { cluster } = one;
  const mappings = [...cluster.forward, ...cluster.backward];
  const inSlice = (slice: readonly string[]): Bind =>
    mappings.reduce<Bind>(
      (bind, mapping) =>
        bindWith(
          mapping.target,
          sql`(select r.* from ${lens(mapping.target)} as r
where ${isOfSlice(one, mapping, lens, slice)})`,
          bind,
        ),
      lens,
    );
  return mappings.map((mapping): Doubt => {
    const table = tableOf(one, mapping);
    const columns = writtenColumns(mapping).map((column) => name('r', column));
    const whole = (bind: Bind, slice: readonly string[]) =>
      sql`(select ${columns} from (${mapping.query(bind)}) as r
where ${isOfSlice(one, mapping, lens, slice)})`;
    const differs = async () => {
      for (const slice of await slicesOf(ground, one)) {
        const [all, own] = [whole(lens, slice), whole(inSlice(slice), slice)];
        const other = sql`from ${all} as n full join ${own} as q
on ${sameKey('q', mapping.key, 'n')}
where ${name('n', mapping.key[0] ?? '')} is null or ${name('q', mapping.key[0] ?? '')} is null
or ${anyDiffers('n', 'q', writtenColumns(mapping), typesOf(table))}`;
        if (await exists(ground, other)) return { all, own };
      }
      return null;
    };
    return {
      kind: 'beyond its slice',
      table,
      isWrong: async () => (await differs()) !== null,
      columns: async () => [],
      message: () => `the query of ${table.name} looks at rows of other slices`,
      shown: async () => {
        const found = await differs();
        if (found === null) return [];
        const only = {
          ...table,
          columns: table.columns.filter((column) => writtenColumns(mapping).includes(column.name)),
        };
        return [
          ...(await written(ground, one)),
          { said: 'the query gives', rows: await rowsOf(ground, only, found.all) },
          { said: 'for the slice alone', rows: await rowsOf(ground, only, found.own) },
        ];
      },
    };
  });
}

/** Of a row `r` of the mapping's target. */
function isOfSlice(
  { cluster }: Rebuilt,
  { slice, via }: Mapping,
  bind: Bind,
  values: readonly string[],
) {
  const literals = cluster.oldKey.map(
    (column, place) => sql`${literal(values[place] ?? '')}::${trusted(column.type)}`,
  );
  const equal = (alias: string, columns: readonly string[]) =>
    columns
      .map((column, place) => sql`${name(alias, column)} = ${literals[place] ?? sql`null`}`)
      .reduce((left, right) => sql`${left} and ${right}`);
  if (via === null) return equal('r', slice);
  return sql`exists (select from ${bind(via.map)} as k
where ${sameKey('k', via.drawn, 'r', slice)} and ${equal('k', via.slice)})`;
}

async function slicesOf(ground: Ground, { cluster }: Rebuilt): Promise<string[][]> {
  const lens = lensOf(ground);
  const all = cluster.backward.map(({ target, slice }) => {
    const values = slice.map((column) => sql`${name('t', column)}::text`);
    return sql`select array[${values}] as slice from ${lens(target)} as t`;
  });
  const rows = await ask<{ slice: string[] }>(
    ground,
    all.reduce((left, right) => sql`${left} union ${right}`),
  );
  return rows.map(({ slice }) => slice);
}
