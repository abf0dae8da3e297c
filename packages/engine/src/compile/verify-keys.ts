// Foreign keys that bind the new release alone and that nothing enforces before contract: verify
// looks for rows that break one, so that contract is refused while there is a way back, and does
// not fail half way.

import type { Table } from '../release/catalog.js';
import { joined, name, type Sql, sql } from '../sql.js';
import type { VerifyStep } from './bundle.js';
import { sameKey } from './compared.js';
import type { Repointed } from './repoint.js';

/** @param placeOf what stands for a table of the new release in dual. */
export function verifyKeys(
  keys: readonly Repointed[],
  placeOf: (table: string) => Sql,
): VerifyStep[] {
  const tables = [...new Set(keys.map((one) => one.table))];
  return tables.flatMap((table): VerifyStep[] => {
    // Without a key nobody can be told which rows they are.
    if (table.primaryKey === null) return [];
    const columns = table.primaryKey.columns;
    const list = columns.map((column) => name('t', column));
    const from = sql`select ${list} from ${placeOf(table.name)} as t`;
    const none = sql`${from} where false`.text;
    return [
      {
        kind: 'verify',
        id: `verify/keys/${table.name}`,
        title: `check the new foreign keys of ${table.name}`,
        relation: table.name,
        expected: none,
        actual: none,
        key: columns.map((column) => ({ name: column, type: typeOf(table, column) })),
        offenders: keys
          .filter((one) => one.table === table)
          .map(({ key }) => ({
            rule: `foreign key ${key.name} of ${table.name}`,
            sql: sql`${from}
where ${given(key.columns)} and not exists (
  select from ${placeOf(key.referencedTable)} as r
  where ${sameKey('r', key.referencedColumns, 't', key.columns)}
)`.text,
          })),
        retry: null,
      },
    ];
  });
}

function given(columns: readonly string[]): Sql {
  return joined(
    columns.map((column) => sql`${name('t', column)} is not null`),
    ' and ',
  );
}

function typeOf(table: Table, column: string): string {
  return table.columns.find((one) => one.name === column)?.type ?? 'text';
}
