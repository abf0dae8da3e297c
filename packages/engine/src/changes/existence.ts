// On what it hangs whether a part has a row, as far as the old row tells.

import type { Column, Table } from '../release/catalog.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';

export interface Existence {
  /** Old columns whose change may bring the row or take it. */
  readonly columns: readonly string[];
  /** Over the alias of the old row: it has no row in the part. Null where it always has. */
  readonly isGone: ((alias: string) => Sql) | null;
  /**
   * Over the alias of the old row: it has a row even if an absence is on record. Null where none
   * can be.
   */
  readonly isAlive: ((alias: string) => Sql) | null;
}

/** A column that the part holds, and what stands there while it has no row. */
interface Own {
  readonly column: Column;
  readonly missing: Sql;
}

/** @param own columns that tell a row from a recorded absence; null where none is recorded. */
export function existenceOf(
  old: Table,
  when: string | null,
  own: readonly Own[] | null,
): Existence {
  const told = own === null || own.length === 0 ? null : own;
  const bound = (alias: string) =>
    bindColumns(when ?? 'true', (column) => ({ qualifier: alias, column }));
  const mentioned = [
    ...(when === null ? [] : columnsOf(when)),
    ...(told ?? []).map((one) => one.column.name),
  ];
  return {
    columns: [...new Set(mentioned.flatMap((one) => [one, ...sourcesOf(old, one)]))],
    isGone: when === null ? null : (alias) => sql`(${trusted(bound(alias))}) is not true`,
    isAlive:
      told === null
        ? null
        : (alias) =>
            joined(
              told.map(
                ({ column, missing }) =>
                  sql`${name(alias, column.name)} is distinct from ${missing}`,
              ),
              ' or ',
            ),
  };
}

/** What a generated column is made of: a transition table does not hold a virtual one's value. */
export function sourcesOf(old: Table, column: string): string[] {
  const generated = old.columns.find((one) => one.name === column)?.generated ?? null;
  return generated === null ? [] : columnsOf(generated);
}
