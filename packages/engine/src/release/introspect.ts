// A schema of a live database → Catalog. Reads pg_catalog only: ordinary rights suffice, and
// nothing is locked beyond what a query locks.

import { readFile } from 'node:fs/promises';
import type { Session } from '../pg.js';
import { name } from '../sql.js';
import type { Catalog } from './catalog.js';

// The path holds from src/ and from dist/ alike.
const PARTS = ['catalog.sql', 'catalog-objects.sql'].map(
  (file) => new URL(`../../src/release/${file}`, import.meta.url),
);

/**
 * What applications can see in `schema`: in the order of names, columns in the order of the table.
 * A schema that does not exist reads as an empty one. Works inside and outside of a transaction.
 */
export async function introspect(session: Session, schema: string): Promise<Catalog> {
  const texts = await Promise.all(PARTS.map((part) => readFile(part, 'utf8')));
  const [before] = await session.query<{ path: string }>(
    "select pg_catalog.current_setting('search_path') as path",
  );
  // Temporary relations come last, or they would hide the schema's own.
  await setSearchPath(session, `${name(schema).text}, pg_temp`);
  try {
    const found = { tables: [], sequences: [], enums: [], domains: [], others: [] };
    for (const text of texts) {
      const [row] = await session.query<{ part: Partial<Catalog> }>(text, [schema]);
      Object.assign(found, row?.part);
    }
    return found;
  } finally {
    // In a transaction that failed this fails too, and the rollback has restored the path.
    await setSearchPath(session, before?.path ?? '').catch(() => {});
  }
}

async function setSearchPath(session: Session, path: string): Promise<void> {
  await session.query("select pg_catalog.set_config('search_path', $1, false)", [path]);
}
