// Makes the rows of a database fewer and simpler, as long as what is wrong with them stays wrong:
// rows go first, then values.

import { type Session, sqlStateOf } from '../pg.js';
import type { Column, Table } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';

/** Values that say the least, for whatever type takes them; null and the default come before. */
export const SIMPLEST = ['0', '1', '', 'a', '{}', 'false'] as const;

/** Bounds what a wide table costs. */
const MAX_ATTEMPTS = 400;

export interface Shrinking {
  readonly session: Session;
  /** The tables whose rows show what is wrong. */
  readonly tables: readonly Table[];
  /** Those whose rows may be in the way. */
  readonly others: readonly Table[];
  readonly isStillWrong: () => Promise<boolean>;
}

/** In the caller's transaction, which is to be rolled back. */
export async function shrink({ session, tables, others, isStillWrong }: Shrinking): Promise<void> {
  let attempts = 0;
  const attempt = async (change: Sql): Promise<boolean> => {
    if (attempts++ >= MAX_ATTEMPTS) return false;
    await session.query('savepoint smaller');
    const isSmaller = await session
      .query(change.text)
      .then(isStillWrong)
      .catch((error: unknown) => {
        if (sqlStateOf(error) === undefined) throw error;
        return false;
      });
    await session.query(`${isSmaller ? '' : 'rollback to savepoint smaller; '}release smaller`);
    return isSmaller;
  };
  await session.query('set constraints all immediate');
  for (const table of [...others, ...tables]) await attempt(sql`delete from ${at(table)}`);
  for (const table of tables) {
    for (const row of await rowsIn(session, table)) {
      await attempt(sql`delete from ${at(table)} where ctid = ${literal(row)}::tid`);
    }
  }
  for (const table of tables) {
    for (const column of table.columns.filter(isWritable)) {
      for (const row of await rowsIn(session, table)) await simplify(attempt, table, column, row);
    }
  }
}

async function simplify(
  attempt: (change: Sql) => Promise<boolean>,
  table: Table,
  column: Column,
  row: string,
): Promise<void> {
  const simplest = SIMPLEST.map((text) => sql`${literal(text)}::${trusted(column.type)}`);
  const values = [sql`null`, ...(column.default === null ? [] : [sql`default`]), ...simplest];
  for (const value of values) {
    // A row that holds the value already is none: the statement must change one.
    const isOther =
      value.text === 'default'
        ? sql``
        : sql` and ${name(column.name)}::text is distinct from (${value})::text`;
    const change = sql`update ${at(table)} set ${name(column.name)} = ${value}
where ctid = ${literal(row)}::tid${isOther}`;
    if (await attempt(change)) return;
  }
}

function isWritable(column: Column): boolean {
  return column.generated === null && column.identity !== 'always';
}

/** Where they stand now: a row that is changed stands elsewhere. */
async function rowsIn(session: Session, table: Table): Promise<string[]> {
  const rows = await session.query<{ row: string }>(
    sql`select ctid::text as row from ${at(table)} order by ctid`.text,
  );
  return rows.map(({ row }) => row);
}

function at(table: Table): Sql {
  return name('public', table.name);
}
