// The old tables of a cluster as one: their columns under one roof, one row for each row of the
// first table (the base), with the row of every other table that has the same key beside it.
//
// Everything that follows from old rows is written against this one table, so that a split of one
// table and a merge of several are the same thing to whoever generates SQL.

import type { Bind, OldTable } from '../compile/mapping.js';
import { oldRelation } from '../compile/mapping.js';
import { generatedName } from '../names.js';
import type { Column, Table } from '../release/catalog.js';
import { joined, name, type Sql, sql } from '../sql.js';

export interface OldSource extends OldTable {
  /** Over the new columns: which new rows have one here; null where every one has. */
  readonly when: string | null;
  /** Whether `when` says no more than that the row has what the table requires. */
  readonly isWhenInferred: boolean;
  /** Own column → the column of the joined table. */
  readonly names: ReadonlyMap<string, string>;
  /** Column of the joined table that is not null where this table has a row; null for the base. */
  readonly presence: string | null;
}

export interface OldSide {
  /** Columns of all; keys, checks and references as far as they hold for the joined rows. */
  readonly table: Table;
  readonly sources: readonly OldSource[];
  /** A FROM item without alias that yields the columns of `table`, and what tells presence. */
  readonly rows: (bind: Bind) => Sql;
}

/** One table stands for itself. */
export function oldSideOf(table: Table, key: readonly string[]): OldSide {
  const relation = oldRelation(table.name);
  const names = new Map(table.columns.map((column) => [column.name, column.name]));
  return {
    table,
    sources: [
      {
        relation,
        table,
        key,
        isBase: true,
        when: null,
        isWhenInferred: false,
        names,
        presence: null,
      },
    ],
    rows: (bind) => bind(relation),
  };
}

/** A table that stands beside the base, with its key in the order of the base's. */
export interface Beside {
  readonly table: Table;
  readonly key: readonly string[];
  readonly when: string | null;
  readonly isWhenInferred: boolean;
}

export function joinedOldSide(
  base: { readonly table: Table; readonly key: readonly string[] },
  others: readonly Beside[],
): OldSide {
  const [first] = oldSideOf(base.table, base.key).sources as [OldSource];
  const taken = new Set(first.names.values());
  const beside = others.map((one, index) => besideSource(one, index + 1, taken));
  const sources = [first, ...beside];
  return { table: joinedTable(sources), sources, rows: (bind) => joinedRows(sources, bind) };
}

function besideSource(beside: Beside, index: number, taken: Set<string>): OldSource {
  const { table, key } = beside;
  const columns = table.columns.filter((column) => !key.includes(column.name));
  const names = new Map(
    columns.map((column) => {
      const called = taken.has(column.name)
        ? generatedName('halflap', table.name, column.name)
        : column.name;
      taken.add(called);
      return [column.name, called];
    }),
  );
  const presence = `halflap_has_${index}`;
  return { ...beside, relation: oldRelation(table.name), isBase: false, names, presence };
}

function joinedTable(sources: readonly OldSource[]): Table {
  const [base] = sources as [OldSource];
  const own = new Set(sources.map((one) => one.table.name));
  const renamed = ({ key, names }: OldSource, columns: readonly string[]) =>
    columns.map((column) => {
      const place = key.indexOf(column);
      return names.get(column) ?? base.key[place] ?? column;
    });
  return {
    ...base.table,
    columns: sources.flatMap((source) =>
      source.table.columns.flatMap((column): Column[] => {
        const called = source.names.get(column.name);
        if (called === undefined) return [];
        // Beside a base row there may be none.
        return [{ ...column, name: called, notNull: column.notNull && source.isBase }];
      }),
    ),
    uniques: sources.flatMap((source) =>
      source.table.uniques.map((key) => ({ ...key, columns: renamed(source, key.columns) })),
    ),
    foreignKeys: sources.flatMap((source) =>
      source.table.foreignKeys
        .filter((key) => !own.has(key.referencedTable))
        .map((key) => ({ ...key, columns: renamed(source, key.columns) })),
    ),
    indexes: sources.flatMap((source) => (source.isBase ? source.table.indexes : [])),
  };
}

function joinedRows(sources: readonly OldSource[], bind: Bind): Sql {
  const [base] = sources as [OldSource];
  const alias = (index: number) => `o${index}`;
  const columns = sources.flatMap((source, index) => [
    ...[...source.names].map(([own, called]) => sql`${name(alias(index), own)} as ${name(called)}`),
    ...(source.presence === null
      ? []
      : [sql`${name(alias(index), source.key[0] ?? '')} as ${name(source.presence)}`]),
  ]);
  const tables = sources.map((source, index) => {
    const relation = sql`${bind(source.relation)} as ${name(alias(index))}`;
    if (source.isBase) return sql`from ${relation}`;
    const on = source.key.map(
      (column, place) =>
        sql`${name(alias(index), column)} = ${name(alias(0), base.key[place] ?? '')}`,
    );
    return sql`left join ${relation} on ${joined(on, ' and ')}`;
  });
  return sql`(select ${columns} ${joined(tables, ' ')})`;
}
