// Rows to try an evolution on: for each table of the old release one row with every column filled
// and one with as little as it takes, so that every up, down and when is evaluated by PostgreSQL
// before a customer's data is. A row that the table's own rules refuse is left out: samples are no
// proof.

import type { Session } from '../pg.js';
import type { Catalog, Column, Table } from '../release/catalog.js';
import { literal, name, names, type Sql, sql, trusted } from '../sql.js';

/** Texts that PostgreSQL reads as a value of the type; null for a type that nothing here fits. */
function sampleOf(column: Column, catalog: Catalog): string | null {
  const type = column.type.replace(/\(.*\)/, '').replace(/ with(out)? time zone/, '');
  const enumeration = catalog.enums.find((one) => one.name === type);
  if (enumeration !== undefined) return enumeration.labels[0] ?? null;
  if (type.endsWith('[]')) return '{}';
  return SAMPLES[type] ?? null;
}

const SAMPLES: Readonly<Record<string, string>> = {
  smallint: '1',
  integer: '1',
  bigint: '1',
  numeric: '1',
  real: '1',
  'double precision': '1',
  boolean: 'true',
  text: 'a',
  character: 'a',
  'character varying': 'a',
  citext: 'a',
  date: '2026-01-01',
  time: '12:00',
  timestamp: '2026-01-01 12:00',
  interval: '1 hour',
  uuid: '00000000-0000-4000-8000-000000000001',
  json: '{}',
  jsonb: '{}',
  bytea: '\\x00',
  inet: '127.0.0.1',
  cidr: '127.0.0.0/8',
};

/** Inserts what can be inserted; returns how many rows each table holds then. */
export async function insertSamples(
  session: Session,
  catalog: Catalog,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  const ordered = inReferenceOrder(catalog.tables);
  // Once more for tables that found nothing to refer to yet: references may run in a circle.
  for (const table of [...ordered, ...ordered]) {
    if ((counts.get(table.name) ?? 0) > 0) continue;
    for (const statement of [everything(table, catalog), little(table, catalog)]) {
      await session.transaction(() => session.query(statement.text)).catch(() => {});
    }
    const [row] = await session.query<{ rows: number }>(
      sql`select count(*)::int as rows from ${name('public', table.name)}`.text,
    );
    counts.set(table.name, row?.rows ?? 0);
  }
  return counts;
}

function everything(table: Table, catalog: Catalog): Sql {
  return insert(
    table,
    table.columns.filter((column) => column.generated === null && column.identity === null),
    catalog,
  );
}

function little(table: Table, catalog: Catalog): Sql {
  return insert(
    table,
    table.columns.filter(
      (column) =>
        column.notNull &&
        column.default === null &&
        column.identity === null &&
        column.generated === null,
    ),
    catalog,
  );
}

function insert(table: Table, columns: readonly Column[], catalog: Catalog): Sql {
  const known = columns.flatMap((column) => {
    const sample = sampleOf(column, catalog);
    return sample === null ? [] : [{ column, sample }];
  });
  if (known.length === 0) return sql`insert into ${name('public', table.name)} default values`;
  const values = known.map(
    ({ column, sample }) => sql`${literal(sample)}::${trusted(column.type)}`,
  );
  const into = names(known.map((one) => one.column.name));
  return sql`insert into ${name('public', table.name)} (${into}) values (${values})`;
}

/** Referenced tables before those that refer to them; cycles in the order given. */
function inReferenceOrder(tables: readonly Table[]): Table[] {
  const ordered: Table[] = [];
  const visit = (table: Table, path: readonly string[]) => {
    if (ordered.includes(table) || path.includes(table.name)) return;
    for (const key of table.foreignKeys) {
      const target = tables.find((one) => one.name === key.referencedTable);
      if (target !== undefined) visit(target, [...path, table.name]);
    }
    ordered.push(table);
  };
  for (const table of tables) visit(table, []);
  return ordered;
}
