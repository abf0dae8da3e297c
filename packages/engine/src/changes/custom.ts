// custom: the author states the queries himself.
//
// old tables by queries over the new ones ⇄ new tables by queries over the old ones

import { assigned } from '../compile/assigned.js';
import type { SlicedLayout } from '../compile/layout.js';
import {
  type Bind,
  keysRelation,
  newRelation,
  oldRelation,
  untouchedRelation,
} from '../compile/mapping.js';
import { columnNames, isSameSet, type Table } from '../release/catalog.js';
import type { Custom, CustomTable } from '../release/evolution.js';
import { bindTables } from '../release/query.js';
import { name, type Sql, sql, trusted } from '../sql.js';
import { columnOf } from './cluster-mappings.js';
import type { OldName, Sliced, SlicedTable } from './sliced.js';

export function customTables(layout: SlicedLayout, change: Custom): Sliced {
  const { olds, news, pairs } = layout;
  return {
    kind: change.rekeys === undefined ? 'custom' : 'rekey_table',
    at: change.at,
    olds: change.from.map((one, index) => tableOf(one, olds[index] as Table, layout)),
    news: change.into.map((one, index) => {
      const table = tableOf(one, news[index] as Table, layout);
      const pair = pairs[index] as SlicedLayout['pairs'][number];
      return {
        ...table,
        pair,
        sources: copies(one, olds),
        plain: change.rekeys?.kept ?? new Map(),
        notes:
          change.rekeys === undefined ? [UNPROVEN] : [`the key of ${change.rekeys.of} changes`],
        isBase: one.via === null && isSameSet(one.slice, table.table.primaryKey?.columns ?? []),
      };
    }),
    // Nothing proves that the queries of an author leave nothing out.
    isLossy: change.rekeys === undefined,
  };
}

const UNPROVEN = 'what the queries leave out is not there for the other release';

function tableOf(one: CustomTable, table: Table, layout: SlicedLayout): SlicedTable {
  const { olds, news, bases, untouched, keys } = layout;
  const isOld = olds.includes(table);
  const { query } = one.query;
  const relation = isOld ? newRelation : oldRelation;
  const others = isOld ? news : olds;
  const fixed = new Set([...(table.primaryKey?.columns ?? []), ...one.slice]);
  const values = query.columns.map((column): Sql => {
    // A key is found by index, so it must be seen as it is.
    if (fixed.has(column)) return name('q', column);
    return sql`${assigned(name('q', column), columnOf(table, column), bases)} as ${name(column)}`;
  });
  const read = new Set(query.tables.map((mention) => mention.table));
  const maps = new Set(keys.map((map) => map.stated.name));
  return {
    at: one.at,
    table,
    slice: one.slice,
    via: keys.find((map) => map.stated.name === one.via) ?? null,
    columns: query.columns,
    query: (bind: Bind) => {
      const at = (read: string) =>
        bind(
          maps.has(read)
            ? keysRelation(read)
            : untouched.has(read)
              ? untouchedRelation(read)
              : relation(read),
        );
      const bound = trusted(bindTables(query, (read) => at(read).text));
      return sql`select ${values} from (${bound}) as q`;
    },
    reads: new Map(
      others
        .filter((other) => read.has(other.name))
        .map((other) => [
          other.name,
          columnNames(other).filter((column) => query.mentions?.includes(column) ?? true),
        ]),
    ),
  };
}

/** Columns that are called the same in a table that the query reads: taken for copies of them. */
function copies({ query }: CustomTable, olds: readonly Table[]): Map<string, OldName[]> {
  const read = new Set(query.query.tables.map((mention) => mention.table));
  return new Map(
    query.query.columns.flatMap((column) => {
      const found = olds.filter((old) => read.has(old.name) && columnNames(old).includes(column));
      const names = found.map((old) => ({ table: old.name, column }));
      return names.length === 0 ? [] : [[column, names] as const];
    }),
  );
}
