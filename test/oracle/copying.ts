// COPY … FROM STDIN, with rows as a statement has them: SQL literals or expressions; and
// COPY … TO STDOUT.

import pg from 'pg';
import type { Client } from '../evolving/databases.js';

export interface Copy {
  readonly text: string;
  readonly data: string;
}

/** Rows that a statement writes. */
export interface Given {
  readonly table: string;
  readonly names: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Null where a value is more than a literal. */
export function copyOf(given: Given): Copy | null {
  const isLiteral = (value: string) => /^(?:null|-?[\d.]+|'[^']*')$/.test(value);
  if (!given.rows.every((row) => row.every(isLiteral))) return null;
  return copyText(given, given.rows);
}

/** The same with expressions, which PostgreSQL computes. */
export async function computedCopy(client: Client, given: Given): Promise<Copy> {
  const rows: string[][] = [];
  for (const row of given.rows) {
    const values = row.map((one, at) => `quote_nullable((${one})::text) as "${at}"`);
    const { rows: found } = await client.query(`select ${values.join(', ')}`);
    const literals = row.map((_, at) => String(found[0]?.[at]));
    rows.push(literals.map((one) => (one === 'NULL' ? 'null' : one)));
  }
  return copyText(given, rows);
}

function copyText({ table, names }: Given, rows: readonly (readonly string[])[]): Copy {
  return {
    text: `copy ${table} (${names.join(', ')}) from stdin with (format csv, null 'null')`,
    data: rows.map((row) => `${row.map(fieldOf).join(',')}\n`).join(''),
  };
}

/** @param isTable whether it may be named as one; a view may not. */
export function copyOut(table: string, names: readonly string[], isTable: boolean): string {
  const list = names.join(', ');
  const what = isTable ? `${table} (${list})` : `(select ${list} from ${table})`;
  return `copy ${what} to stdout with (format csv)`;
}

export function isCopyOut(text: string): boolean {
  return text.startsWith('copy ');
}

function fieldOf(literal: string): string {
  const quoted = /^E?'(.*)'$/s.exec(literal)?.[1];
  if (quoted === undefined) return literal;
  const isEscaped = literal.startsWith('E');
  const text = (isEscaped ? quoted.replaceAll('\\\\', '\\') : quoted).replaceAll("''", "'");
  return `"${text.replaceAll('"', '""')}"`;
}

/** @returns how many rows have been copied. */
export async function copyIn(client: Client, copy: Copy): Promise<number> {
  return (await copied(client, copy)).count;
}

/** @returns the lines, in the order in which they came. */
export async function copyRows(client: Client, text: string): Promise<string[]> {
  return (await copied(client, { text, data: '' })).lines;
}

async function copied(client: Client, { text, data }: Copy) {
  const query = new CopyQuery(text, data);
  const { rowCount } = await new Promise<pg.QueryResult>((resolve, reject) => {
    query.callback = (error, result) => (error ? reject(error) : resolve(result));
    client.query(query as never);
  });
  return { count: rowCount ?? 0, lines: query.lines };
}

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** The driver asks its query what to send when the server is ready for the rows. */
class CopyQuery extends (pg.Query as unknown as new (text: string) => object) {
  callback: ((error: Error | null, result: pg.QueryResult) => void) | null = null;
  readonly lines: string[] = [];

  constructor(
    text: string,
    private readonly data: string,
  ) {
    super(text);
  }

  handleCopyInResponse(connection: CopyConnection): void {
    connection.sendCopyFromChunk(Buffer.from(this.data));
    connection.endCopyFrom();
  }

  handleCopyData({ chunk }: { readonly chunk: Buffer }): void {
    this.lines.push(chunk.toString());
  }
}
