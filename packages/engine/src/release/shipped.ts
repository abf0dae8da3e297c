// Reference data: the rows that are in the tables of a release once its schema.sql, and the
// data.sql beside it, have run. What an upgrade can carry of them has a key that the release itself
// states: a number that a sequence happened to give says nothing about which row is meant.

import type { Session } from '../pg.js';
import { literal, name, sql } from '../sql.js';
import { type Catalog, findTable, type Table } from './catalog.js';
import type { ScriptStatement } from './script.js';

export interface Shipped {
  /** Those that have rows, in the order in which rows refer to each other. */
  readonly tables: readonly ShippedTable[];
}

export interface ShippedTable {
  readonly table: string;
  /** Those whose values the release says; of each row, in this order, as PostgreSQL prints them. */
  readonly columns: readonly string[];
  readonly rows: readonly ShippedRow[];
  /** Why rows cannot be told apart from those of a customer; null where they can. */
  readonly unkeyed: 'it has no primary key' | 'their keys are drawn' | null;
  /** Column that draws from a sequence: the last value that the release has drawn from it. */
  readonly drawn: Readonly<Record<string, string>>;
}

export type ShippedRow = readonly (string | null)[];

export const NOTHING_SHIPPED: Shipped = { tables: [] };

/** The session holds what the statements have made of an empty database. */
export async function readShipped(
  session: Session,
  catalog: Catalog,
  statements: readonly ScriptStatement[],
): Promise<Shipped> {
  const stated = statedColumns(statements);
  const tables = inOrder(catalog.tables.filter((one) => stated.has(one.name)));
  const found: ShippedTable[] = [];
  for (const table of tables) {
    const columns = table.columns.filter((one) => one.generated === null).map((one) => one.name);
    const rows = await rowsOf(session, table, columns);
    if (rows.length === 0) continue;
    const drawn = await drawnValues(session, table);
    const unkeyed = unkeyedBecause(table, stated.get(table.name) ?? null);
    found.push({ table: table.name, columns, rows, unkeyed, drawn });
  }
  return { tables: found };
}

/**
 * The same without what differs from a second reading: values of `now()`, of `random()`. Such a
 * column is left to its default where it may be; where it may not, the first reading counts.
 */
export function lasting(first: Shipped, second: Shipped, catalog: Catalog): Shipped {
  return {
    tables: first.tables.map((one) => {
      const other = second.tables.find((two) => two.table === one.table);
      const table = findTable(catalog, one.table);
      const isDrawn = (column: string, at: number) => {
        const found = table?.columns.find((two) => two.name === column);
        const isOptional = found?.notNull === false || found?.default != null;
        return isOptional && one.rows.some((row, index) => row[at] !== other?.rows[index]?.[at]);
      };
      const kept = one.columns.map((column, at) => !isDrawn(column, at));
      return {
        ...one,
        columns: one.columns.filter((_, at) => kept[at]),
        rows: one.rows.map((row) => row.filter((_, at) => kept[at])),
      };
    }),
  };
}

/** Columns that every INSERT of a table names; null where one of them names none, and so all. */
function statedColumns(
  statements: readonly ScriptStatement[],
): Map<string, ReadonlySet<string> | null> {
  const stated = new Map<string, ReadonlySet<string> | null>();
  for (const { kind, content } of statements) {
    if (kind !== 'InsertStmt') continue;
    const table = (content.relation as { readonly relname?: string })?.relname ?? '';
    const cols = Array.isArray(content.cols) ? content.cols : [];
    const own = cols.map((one) => String(one?.ResTarget?.name ?? ''));
    const earlier = stated.get(table);
    if (own.length === 0) stated.set(table, earlier ?? null);
    else stated.set(table, new Set(own.filter((one) => earlier?.has(one) !== false)));
  }
  return stated;
}

function unkeyedBecause(
  { primaryKey, columns }: Table,
  stated: ReadonlySet<string> | null,
): ShippedTable['unkeyed'] {
  if (primaryKey === null) return 'it has no primary key';
  const isSaid = (column: string) => {
    const found = columns.find((one) => one.name === column);
    const hasOwn = found?.default != null || found?.identity != null;
    return stated === null || stated.has(column) || !hasOwn;
  };
  return primaryKey.columns.every(isSaid) ? null : 'their keys are drawn';
}

async function rowsOf(
  session: Session,
  table: Table,
  columns: readonly string[],
): Promise<ShippedRow[]> {
  const values = columns.map((one) => sql`t.${name(one)}::text`);
  const found = await session.query<{ row: ShippedRow }>(
    sql`select array[${values}]::text[] as row from ${name('public', table.name)} as t
order by t.tableoid, t.ctid`.text,
  );
  return found.map(({ row }) => row);
}

async function drawnValues(session: Session, table: Table): Promise<Record<string, string>> {
  const drawn: Record<string, string> = {};
  for (const column of table.columns) {
    if (column.identity === null && !column.default?.startsWith('nextval(')) continue;
    const at = name('public', table.name).text;
    const [found] = await session.query<{ last: string | null }>(
      sql`select pg_sequence_last_value(pg_get_serial_sequence(${literal(at)},
${literal(column.name)})::regclass)::text as last`.text,
    );
    if (found?.last != null) drawn[column.name] = found.last;
  }
  return drawn;
}

/** Tables to which others refer come first; a circle is begun where it is met. */
function inOrder(tables: readonly Table[]): Table[] {
  const ordered: Table[] = [];
  const met = new Set<string>();
  const visit = (table: Table): void => {
    if (met.has(table.name)) return;
    met.add(table.name);
    for (const { referencedTable } of table.foreignKeys) {
      const referred = tables.find((one) => one.name === referencedTable);
      if (referred !== undefined) visit(referred);
    }
    ordered.push(table);
  };
  for (const table of tables) visit(table);
  return ordered;
}
