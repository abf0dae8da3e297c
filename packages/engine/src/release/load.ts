// A release's directory → Release. PostgreSQL itself reads schema.sql, on a fresh database that is
// thrown away; what it made of the file is introspected.

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { compareVersions, HalflapError, HOME_SCHEMA } from '@halflap/protocol';
import { messageOf, type Session, withSession } from '../pg.js';
import { loadParser } from './expression.js';
import { fingerprint } from './fingerprint.js';
import { introspect } from './introspect.js';
import type { Release } from './release.js';
import { withScript } from './run-script.js';
import { readScript, type ScriptStatement } from './script.js';
import { lasting, readShipped } from './shipped.js';

/** Where releases are tried: gives a fresh empty database for the time of `body`. */
export interface Scratch {
  withDatabase<Result>(body: (url: string) => Promise<Result>): Promise<Result>;
}

/** A release as it lies on disk. */
export interface ReleaseDirectory {
  readonly version: string;
  readonly directory: string;
  /** Path of evolution.yaml; null when there is none. */
  readonly evolutionFile: string | null;
}

export const SCHEMA_FILE = 'schema.sql';
export const DATA_FILE = 'data.sql';
export const EVOLUTION_FILE = 'evolution.yaml';

const UNSUPPORTED_SQL = new URL('../../src/release/unsupported.sql', import.meta.url);

/**
 * Loads the release in `directory`, whose name is its version.
 * @throws RELEASE_UNREADABLE with file and line when schema.sql is missing or fails.
 * @throws RELEASE_UNSUPPORTED with the objects outside of schema public, or under reserved names.
 */
export async function loadRelease(directory: string, scratch: Scratch): Promise<Release> {
  const file = join(directory, SCHEMA_FILE);
  const version = basename(resolve(directory));
  const dataFile = join(directory, DATA_FILE);
  const data = (await isFile(dataFile)) ? { file: dataFile, sql: await readText(dataFile) } : null;
  return readRelease({ version, file, schemaSql: await readText(file), data }, scratch);
}

/** A release before it lies on disk. */
export interface ReleaseText {
  readonly version: string;
  /** Where it stands, for messages. */
  readonly file: string;
  readonly schemaSql: string;
  /** Rows that the release ships, where they stand in a file of their own. */
  readonly data?: { readonly file: string; readonly sql: string } | null;
}

/** Between the two files: a dump empties search_path, which the other does not know of. */
const RESET: ScriptStatement = { text: 'reset all', line: 1, kind: 'VariableSetStmt', content: {} };

/**
 * As loadRelease, from a text.
 * @throws RELEASE_UNREADABLE, RELEASE_UNSUPPORTED.
 */
export async function readRelease(
  { version, file, schemaSql, data = null }: ReleaseText,
  scratch: Scratch,
): Promise<Release> {
  await loadParser();
  const scripts = [{ file, statements: readScript(schemaSql, file) }];
  if (data !== null) {
    const statements = [RESET, ...readScript(data.sql, data.file)];
    scripts.push({ file: data.file, statements });
  }
  const first = await readOnce(scripts, scratch);
  const isShipping = first.shipped.tables.length > 0;
  const second = isShipping ? await readOnce(scripts, scratch) : first;
  return {
    version,
    catalog: first.catalog,
    fingerprint: fingerprint(first.catalog),
    schemaSql: data === null ? schemaSql : `${schemaSql}\n${RESET.text};\n${withoutMark(data.sql)}`,
    shipped: lasting(first.shipped, second.shipped, first.catalog),
  };
}

interface Script {
  readonly file: string;
  readonly statements: readonly ScriptStatement[];
}

/** What PostgreSQL makes of the files. */
async function readOnce(scripts: readonly Script[], scratch: Scratch) {
  const all = scripts.flatMap(({ statements }) => statements);
  const [schema, data] = scripts;
  return scratch.withDatabase((url) =>
    withSession(url, 'release/load', (session) => {
      const look = async () => {
        await assertSupported(session, schema?.file ?? '');
        const catalog = await introspect(session, HOME_SCHEMA);
        return { catalog, shipped: await readShipped(session, catalog, all) };
      };
      const read = data === undefined ? look : () => withScript(session, data, look);
      return withScript(session, schema as Script, read);
    }),
  );
}

/** A byte order mark is no SQL, and stands in the middle here. */
function withoutMark(text: string): string {
  return text.replace(/^\uFEFF/, '');
}

/**
 * The releases in a directory, oldest first: what has a schema.sql or an evolution.yaml.
 * @throws RELEASE_UNREADABLE when the directory cannot be read or holds no release.
 */
export async function listReleases(directory: string): Promise<ReleaseDirectory[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    throw new HalflapError('RELEASE_UNREADABLE', `cannot read ${directory}: ${messageOf(cause)}`, {
      detail: { file: directory },
      hint: 'Name the directory that holds one directory per release.',
      cause,
    });
  });
  const found: ReleaseDirectory[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    const evolutionFile = join(directory, name, EVOLUTION_FILE);
    const hasEvolution = await isFile(evolutionFile);
    if (!hasEvolution && !(await isFile(join(directory, name, SCHEMA_FILE)))) continue;
    found.push({
      version: name,
      directory: join(directory, name),
      evolutionFile: hasEvolution ? evolutionFile : null,
    });
  }
  if (found.length > 0) {
    return found.sort((left, right) => compareVersions(left.version, right.version));
  }
  throw new HalflapError('RELEASE_UNREADABLE', `no release in ${directory}`, {
    detail: { file: directory },
    hint: `Put the first one there: ${join(directory, '1.0', SCHEMA_FILE)}`,
  });
}

async function assertSupported(session: Session, file: string): Promise<void> {
  const text = await readFile(UNSUPPORTED_SQL, 'utf8');
  const rows = await session.query<{ object: string }>(text, [HOME_SCHEMA]);
  if (rows.length === 0) return;
  const evidence = rows.map(({ object }) => object);
  throw new HalflapError(
    'RELEASE_UNSUPPORTED',
    `${file} makes what Halflap cannot carry: ${evidence.join(', ')}`,
    {
      detail: { file, evidence },
      hint: `Keep a release in schema ${HOME_SCHEMA}, under names that do not begin with halflap_.`,
    },
  );
}

async function readText(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HalflapError('RELEASE_UNREADABLE', `cannot read ${file}: ${messageOf(cause)}`, {
      detail: { file },
      hint: 'A release is a directory with a schema.sql.',
      cause,
    });
  });
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
