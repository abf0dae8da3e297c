// A schema of a live database → Catalog. Reads pg_catalog only: ordinary rights suffice, and
// nothing is locked beyond what a query locks.

import { readFile } from 'node:fs/promises';
import type { Session } from '../pg.js';
import { name } from '../sql.js';
import type { Catalog, OtherObject } from './catalog.js';
import { type CatalogRows, partitionsFrom, type SettingRow, tablesFrom } from './catalog-rows.js';

// The path holds from src/ and from dist/ alike.
const fileOf = (name: string) => new URL(`../../src/release/${name}`, import.meta.url);
const ROWS = fileOf('catalog.sql');
const SETTINGS = fileOf('catalog-settings.sql');
const OBJECTS = fileOf('catalog-objects.sql');

type Objects = Pick<Catalog, 'enums' | 'domains' | 'others'>;

const EMPTY: Catalog = {
  tables: [],
  partitions: [],
  sequences: [],
  enums: [],
  domains: [],
  others: [],
};

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
  const [before] = await session.query<{ path: string; is_there: boolean }>(
    `select
      pg_catalog.current_setting('search_path') as path,
      exists (select from pg_catalog.pg_namespace where nspname = $1) as is_there`,
    [schema],
  );
  if (before?.is_there !== true) return EMPTY;
  // Temporary relations come last, or they would hide the schema's own.
  await setSearchPath(session, [...searchPath, 'pg_temp'].map((one) => name(one).text).join());
  try {
    const rows = await readPart<CatalogRows>(session, ROWS, schema);
    const settings = await readPart<SettingRow[]>(session, SETTINGS, schema);
    const objects = await readPart<Objects>(session, OBJECTS, schema);
    return {
      tables: tablesFrom(rows, settings),
      partitions: partitionsFrom(rows),
      sequences: rows.sequences ?? [],
      enums: objects.enums,
      domains: objects.domains,
      others: await withCanonicalViews(objects.others),
    };
  } finally {
    // In a transaction that failed this fails too, and the rollback has restored the path.
    await setSearchPath(session, before.path).catch(() => {});
  }
}

async function readPart<Part>(session: Session, file: URL, schema: string): Promise<Part> {
  const [row] = await session.query<{ part: Part }>(await readFile(file, 'utf8'), [schema]);
  if (row === undefined) throw new TypeError(`${file} gives no row`);
  return row.part;
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
