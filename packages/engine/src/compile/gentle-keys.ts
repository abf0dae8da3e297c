// Foreign keys that never make a statement on the referenced table fail: those alone may be
// enforced while the release in the field, which does not know them, writes that table.
//
// `on delete cascade` is gentle where the rows that go with it may go: nothing that refuses refers
// to them. `on delete set null` is, where the columns may be null. The update of a referenced key
// is made to cascade as long as the old release is in service, whatever the key says.

import { type Catalog, type ForeignKey, findColumn, type Table } from '../release/catalog.js';

/** The form in which the key may be enforced until contract; null where there is none. */
export function gentleForm(key: ForeignKey, table: Table, catalog: Catalog): ForeignKey | null {
  if (!mayLetGo(key, table, catalog, new Set())) return null;
  const isRefusing = key.onUpdate === 'no action' || key.onUpdate === 'restrict';
  return isRefusing ? { ...key, onUpdate: 'cascade' } : key;
}

/** Whether a row that the key refers to can always be deleted, as far as this key goes. */
function mayLetGo(
  key: ForeignKey,
  table: Table,
  catalog: Catalog,
  seen: ReadonlySet<ForeignKey>,
): boolean {
  if (seen.has(key)) return true;
  switch (key.onDelete) {
    case 'cascade':
      return catalog.tables.every((other) =>
        other.foreignKeys.every(
          (one) =>
            one.referencedTable !== table.name ||
            mayLetGo(one, other, catalog, new Set([...seen, key])),
        ),
      );
    case 'set null':
      return key.columns.every((column) => findColumn(table, column)?.notNull === false);
    case 'no action':
    case 'restrict':
    case 'set default':
      return false;
    default:
      return key.onDelete satisfies never;
  }
}
