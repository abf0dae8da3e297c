// COPY … FROM STDIN, with rows as a statement has them: SQL literals.

import pg from 'pg';
import type { Client } from '../evolving/databases.js';

export interface Copy {
  readonly text: string;
  readonly data: string;
}

/** Null where a value is more than a literal. */
export function copyOf(
  table: string,
  names: readonly string[],
  rows: readonly (readonly string[])[],
): Copy | null {
  const lines: string[] = [];
  for (const row of rows) {
    if (!row.every((value) => /^(?:null|-?[\d.]+|'[^']*')$/.test(value))) return null;
    lines.push(row.map(fieldOf).join(','));
  }
  return {
    text: `copy ${table} (${names.join(', ')}) from stdin with (format csv, null 'null')`,
    data: `${lines.join('\n')}\n`,
  };
}

function fieldOf(literal: string): string {
  if (!literal.startsWith("'")) return literal;
  return `"${literal.slice(1, -1).replaceAll('"', '""')}"`;
}

/** @returns how many rows have been copied. */
export async function copyIn(client: Client, { text, data }: Copy): Promise<number> {
  const query = new CopyQuery(text, data);
  const { rowCount } = await new Promise<pg.QueryResult>((resolve, reject) => {
    query.callback = (error, result) => (error ? reject(error) : resolve(result));
    client.query(query as never);
  });
  return rowCount ?? 0;
}

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

/** The driver asks its query what to send when the server is ready for the rows. */
class CopyQuery extends (pg.Query as unknown as new (text: string) => object) {
  callback: ((error: Error | null, result: pg.QueryResult) => void) | null = null;

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
}
