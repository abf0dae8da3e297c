// Comparing rows by identity of value. `is distinct from` asks the type's own equality, which calls
// 1.0 and 1.00 the same numeric and does not exist for json: those are compared by their text.

import type { Table } from '../release/catalog.js';
import { joined, name, type Sql, sql } from '../sql.js';

const BY_TEXT = /^(json|xml|citext|numeric|point|polygon|box|path|line|lseg|circle)\b/;

/** Types of the columns of one relation, by column. */
export type Types = ReadonlyMap<string, string>;

export function typesOf(table: Table): Types {
  return new Map(table.columns.map((column) => [column.name, column.type]));
}

export function differs(left: Sql, right: Sql, type: string | undefined): Sql {
  return type !== undefined && BY_TEXT.test(type)
    ? sql`(${left})::text is distinct from (${right})::text`
    : sql`${left} is distinct from ${right}`;
}

/** True where any of the columns differs between two aliases; `false` for no columns. */
export function anyDiffers(
  left: string,
  right: string,
  columns: readonly string[],
  types: Types,
): Sql {
  if (columns.length === 0) return sql`false`;
  return joined(
    columns.map((column) => differs(name(left, column), name(right, column), types.get(column))),
    ' or ',
  );
}

/** `l.a = r.x and l.b = r.y`: columns are not null, being keys. */
export function sameKey(
  left: string,
  leftColumns: readonly string[],
  right: string,
  rightColumns: readonly string[] = leftColumns,
): Sql {
  return joined(
    leftColumns.map(
      (column, index) => sql`${name(left, column)} = ${name(right, rightColumns[index] ?? '')}`,
    ),
    ' and ',
  );
}

export function qualified(alias: string, columns: readonly string[]): Sql[] {
  return columns.map((column) => name(alias, column));
}

/** One column, or a row of several, for `in (select …)`. */
export function rowOf(alias: string, columns: readonly string[]): Sql {
  const list = qualified(alias, columns);
  return list.length === 1 ? (list[0] as Sql) : sql`(${list})`;
}
