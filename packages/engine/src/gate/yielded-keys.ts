// The types of the keys that queries of custom yield. Other columns are assigned, as by an INSERT;
// a key is found by index, so it is taken as it is, and must have the type of its column already.

import type { CompileInput } from '../compile/compile.js';
import type { Session } from '../pg.js';
import { findColumn, findTable, type Table } from '../release/catalog.js';
import type { CustomTable } from '../release/evolution.js';
import type { Finding } from '../release/findings.js';
import { sql, trusted } from '../sql.js';

/** Asks where the queries find the tables that they read, of queries that PostgreSQL accepts. */
export async function keyFindings(
  session: Session,
  { to, evolution }: CompileInput,
): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const change of evolution.changes) {
    if (change.kind !== 'custom') continue;
    for (const one of change.into) {
      const table = findTable(to.catalog, one.table);
      if (table !== undefined) found.push(...(await mistyped(session, one, table)));
    }
  }
  return found;
}

/** Types of which a written cast cuts what is too long. */
const CUT = /^(character|bit)\b/;

const CUTTING = '; it cuts what is longer, and such a row of the old release is then not kept';

async function mistyped(session: Session, one: CustomTable, table: Table): Promise<Finding[]> {
  const { query, at, place } = one.query;
  const types = await typesOf(session, query.sql);
  const keys = [...new Set([...(table.primaryKey?.columns ?? []), ...one.slice])];
  return keys.flatMap((key): Finding[] => {
    const [found, wanted] = [types.get(key), findColumn(table, key)?.type];
    if (found === undefined || wanted === undefined || found === wanted) return [];
    const isCut = CUT.test(wanted);
    const offset = query.outputs.find((output) => output.column === key)?.offset ?? 0;
    return [
      {
        code: 'EVOLUTION_INVALID',
        message: `"query" of table "${table.name}": key column "${key}" is ${wanted}, not ${found}`,
        at: place?.(offset) ?? at,
        hint: `write the cast into the query: (…)::${wanted} as ${key}${isCut ? CUTTING : ''}`,
      },
    ];
  });
}

/** The columns of a query with their types, as PostgreSQL prints them. */
async function typesOf(session: Session, query: string): Promise<ReadonlyMap<string, string>> {
  await session.query('begin');
  try {
    await session.query(
      sql`create temporary table halflap_yielded as ${trusted(query)}\nwith no data`.text,
    );
    const rows = await session.query<{ column: string; type: string }>(
      `select attname as column, format_type(atttypid, atttypmod) as type
       from pg_catalog.pg_attribute
       where attrelid = 'pg_temp.halflap_yielded'::regclass and attnum > 0`,
    );
    return new Map(rows.map(({ column, type }) => [column, type]));
  } finally {
    await session.query('rollback');
  }
}
