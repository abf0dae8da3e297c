// How many rows a statement reads: what shows that it finds them by an index.

import type { Client } from './databases.js';

/** More than any statement on one key, or one slice, has to do with; less than any table. */
export const FEW_ROWS = 500;

/** Tables of which a statement reads many rows, with how many; the statement is undone. */
export async function readMuch(
  client: Client,
  statement: string,
  values: readonly unknown[] = [],
): Promise<string[]> {
  await client.query('begin');
  await client.query(statement, [...values]);
  const { rows } = await client.query<{ line: string }>(
    `select format('%s: %s by sequence, %s by index', relid::regclass, seq_tup_read,
       idx_tup_fetch) as line
     from pg_stat_xact_user_tables where seq_tup_read + coalesce(idx_tup_fetch, 0) > ${FEW_ROWS}`,
  );
  await client.query('rollback');
  return rows.map(({ line }) => line);
}
