// Comparing rows by identity of value. `is distinct from` asks the type's own equality, which calls
// 1.0 and 1.00 the same numeric, 30 days and one month the same interval, and does not exist for
// json. A release can tell such values apart, so they are compared by their text, unless equal
// values of the type are known to be the same.

import type { Column, Table } from '../release/catalog.js';
import { joined, name, type Sql, sql } from '../sql.js';

/** Types, and arrays of them, of which equal values are the same value. */
const BY_VALUE = new RegExp(
  `^(${[
    'smallint|integer|bigint|oid|boolean|uuid|bytea|date|inet|cidr|macaddr',
    'text|character varying(\\(\\d+\\))?',
    'timestamp(\\(\\d\\))? with(out)? time zone|time(\\(\\d\\))? without time zone',
  ].join('|')})(\\[\\])*$`,
);

/** Types of the columns of one relation, by column. */
export type Types = ReadonlyMap<string, string>;

/** A collation may call different texts equal, so it stands with the type. */
export function typesOf(table: Table): Types {
  return new Map(table.columns.map((column) => [column.name, comparedType(column)]));
}

/** By which rule its values are compared. */
export function comparedType({ type, collation }: Column): string {
  return collation === null ? type : `${type} collate ${collation}`;
}

export function differs(left: Sql, right: Sql, type: string | undefined): Sql {
  if (type === undefined || BY_VALUE.test(type)) return sql`${left} is distinct from ${right}`;
  const text = (value: Sql) => sql`(${value})::text collate "C"`;
  return sql`${text(left)} is distinct from ${text(right)}`;
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
