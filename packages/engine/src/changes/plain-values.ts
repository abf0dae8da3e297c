// Columns that follow from one row of the other release, as two paired tables tell it: what the
// kinds of change for slices of many rows share.

import { assigned } from '../compile/assigned.js';
import type { PairedTable } from '../compile/layout.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { name, type Sql, sql, trusted } from '../sql.js';

/** A column that a query yields. */
export interface Value {
  readonly column: string;
  readonly value: Sql;
  /** Columns of the source that it is made from. */
  readonly reads: readonly string[];
  /** The column of the source that it is a copy of; null for what is computed. */
  readonly copy: string | null;
}

/** Columns of the pair's new table, over an alias of the old one. */
export function forwardValues({ forward, bases }: PairedTable, alias: string): Value[] {
  return forward.flatMap(({ column, up, source }): Value[] => {
    if (up === null || column.generated !== null) return [];
    const bound = boundTo(up, alias);
    const value = source === null ? assigned(bound, column, bases) : bound;
    return [{ column: column.name, value, reads: columnsOf(up), copy: source }];
  });
}

/** Columns of the pair's old table, over an alias of the new one. */
export function backwardValues({ backward, bases }: PairedTable, alias: string): Value[] {
  return backward.flatMap(({ column, down, source }): Value[] => {
    if (down === null || column.generated !== null) return [];
    const bound = boundTo(down, alias);
    const value = source === null ? assigned(bound, column, bases) : bound;
    return [{ column: column.name, value, reads: columnsOf(down), copy: source }];
  });
}

/** `select a as x, b as y` */
export function selected(values: readonly Value[]): Sql {
  return sql`select ${values.map((one) => sql`${one.value} as ${name(one.column)}`)}`;
}

export function readColumns(values: readonly Value[]): string[] {
  return [...new Set(values.flatMap((one) => one.reads))];
}

function boundTo(expression: string, alias: string): Sql {
  return trusted(bindColumns(expression, (column) => ({ qualifier: alias, column })));
}
