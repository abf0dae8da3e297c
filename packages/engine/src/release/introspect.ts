// A schema of a live database → Catalog. Reads pg_catalog only: ordinary rights suffice, and
// nothing is locked beyond what a query locks.

import { readFile } from 'node:fs/promises';
import type { Session } from '../pg.js';
import { name } from '../sql.js';
import type { Catalog, OtherObject } from './catalog.js';

// The path holds from src/ and from dist/ alike.
const PARTS = ['catalog.sql', 'catalog-objects.sql'].map(
  (file) => new URL(`../../src/release/${file}`, import.meta.url),
);

/**
 * What applications can see in `schema`: in the order of names, columns in the order of the table.
 * A schema that does not exist reads as an empty one. Works inside and outside of a transaction.
 *
 * Names print without a schema where `searchPath` finds them: the schema itself, or the path of a
 * release's sessions, where its tables lie in two schemas.
 */
export async function introspect(
  session: Session,
  schema: string,
  searchPath: readonly string[] = [schema],
): Promise<Catalog> {
  const texts = await Promise.all(PARTS.map((part) => readFile(part, 'utf8')));
  const [before] = await session.query<{ path: string }>(
    "select pg_catalog.current_setting('search_path') as path",
  );
  // Temporary relations come last, or they would hide the schema's own.
  await setSearchPath(session, [...searchPath, 'pg_temp'].map((one) => name(one).text).join());
  try {
    const found: Catalog = {
      tables: [],
      partitions: [],
      sequences: [],
      enums: [],
      domains: [],
      others: [],
    };
    for (const text of texts) {
      const [row] = await session.query<{ part: Partial<Catalog> }>(text, [schema]);
      Object.assign(found, row?.part);
    }
    return { ...found, others: await withCanonicalViews(found.others) };
  } finally {
    // In a transaction that failed this fails too, and the rollback has restored the path.
    await setSearchPath(session, before?.path ?? '').catch(() => {});
  }
}

/** The parser is loaded only where there is something to parse: it is half of what a verb loads. */
async function withCanonicalViews(others: readonly OtherObject[]): Promise<OtherObject[]> {
  const isView = ({ kind }: OtherObject) => kind === 'view' || kind === 'materialized view';
  if (!others.some(isView)) return [...others];
  const { loadParser } = await import('./expression.js');
  const { canonicalView } = await import('./view-definition.js');
  await loadParser();
  return others.map((other) =>
    isView(other) ? { ...other, definition: canonicalView(other.definition) } : other,
  );
}

async function setSearchPath(session: Session, path: string): Promise<void> {
  await session.query("select pg_catalog.set_config('search_path', $1, false)", [path]);
}
