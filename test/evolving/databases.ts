// Sessions as applications open them, and what a release's tables hold, as text, for comparison.

import type { Catalog } from '@halflap/engine';
import pg from 'pg';

/** Values stay as PostgreSQL prints them, so that nothing is rounded on the way. */
const AS_TEXT = { getTypeParser: () => (value: string) => value };

export type Client = pg.Client;

/** A session with a search_path, or with the server's own for none. */
export async function openClient(url: string, searchPath: string | null = null): Promise<Client> {
  const client = new pg.Client({
    connectionString: url,
    types: AS_TEXT as never,
    application_name: 'application',
    ...(searchPath === null ? {} : { options: `-c search_path=${searchPath.replaceAll(' ', '')}` }),
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Opens, gives, closes. */
export async function withClient<Result>(
  url: string,
  searchPath: string | null,
  body: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = await openClient(url, searchPath);
  try {
    return await body(client);
  } finally {
    await client.end();
  }
}

/** Rows as `table: {"column": value, …}`, sorted: everything that a release sees. */
export async function readAll(
  client: Client,
  catalog: Catalog,
  ignored: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const parts = catalog.tables.map((table) => {
    const columns = table.columns
      .filter((column) => !ignored.has(`${table.name}.${column.name}`))
      .map((column) => `'${column.name}', t.${quoted(column.name)}::text`);
    // The star is read too: an application may, and gets the columns in the order of its schema.
    const row = `json_build_object(${columns.join(', ')})::text`;
    return `select '${table.name}: ' || ${row} as row from ${quoted(table.name)} as t`;
  });
  if (parts.length === 0) return [];
  const { rows } = await client.query<{ row: string }>(parts.join(' union all '));
  return rows.map((one) => one.row).sort();
}

/** Columns of `select *` per table, as a client gets them. */
export async function readColumns(client: Client, catalog: Catalog): Promise<string[]> {
  const found: string[] = [];
  for (const table of catalog.tables) {
    const { fields } = await client.query(`select * from ${quoted(table.name)} limit 0`);
    found.push(`${table.name}(${fields.map((field) => field.name).join(', ')})`);
  }
  return found;
}

export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** The SQLSTATE of an error that PostgreSQL sent; the message of any other. */
export function stateOf(error: unknown): string {
  return error instanceof pg.DatabaseError ? (error.code ?? '') : String(error);
}
