// Where the first schema.sql comes from: a live database, or a file that some tool has dumped.

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { dumpSchema, loadParser, readScript } from '@halflap/engine';
import { HalflapError, STATE_SCHEMA } from '@halflap/protocol';
import { readUrl, URL_BEGINNING } from './config.js';

export interface SourceOptions {
  readonly from?: string;
  readonly fromEnv?: string;
  readonly excludeSchema?: readonly string[];
}

export interface SchemaSource {
  readonly schemaSql: string;
  /** For people: `pg_dump 15.18 of PostgreSQL 15.18`, `copied from shop.sql`. */
  readonly origin: string;
  /** Where it stands, for messages about a line of it; null where it stands in no file. */
  readonly file: string | null;
  /** What the source has, and a release has not. */
  readonly leftOut: readonly string[];
  /** What to call the application when nobody says: the database or the file. */
  readonly called: string;
  /** The environment variable that shall hold the shard's URL; null where there is no shard. */
  readonly variable: ((app: string) => string) | null;
}

const PRIVILEGES = /^\s*(GRANT|REVOKE|ALTER .* OWNER TO|ALTER DEFAULT PRIVILEGES)\b/im;

/** @throws COMMAND_INVALID, CONFIG_INVALID, RELEASE_UNREADABLE, DUMP_FAILED, SHARD_UNREACHABLE. */
export async function readSource(options: SourceOptions): Promise<SchemaSource> {
  const { from, fromEnv, excludeSchema = [] } = options;
  if ((from === undefined) === (fromEnv === undefined)) {
    throw new HalflapError('COMMAND_INVALID', 'init takes either --from or --from-env', {
      hint: 'halflap init --from FILE.sql, or --from-env VARIABLE that holds the URL of a database',
    });
  }
  if (fromEnv !== undefined) {
    const url = readUrl({ env: fromEnv }, 'url of the database');
    return fromDatabase(url, () => fromEnv, excludeSchema);
  }
  const source = from ?? '';
  if (!URL_BEGINNING.test(source)) return fromFile(source);
  const url = readUrl({ literal: source }, 'url of the database');
  return fromDatabase(url, (app) => `${app.toUpperCase()}_URL`, excludeSchema);
}

async function fromDatabase(
  url: string,
  variable: (app: string) => string,
  excludeSchemas: readonly string[],
): Promise<SchemaSource> {
  const dump = await dumpSchema(url, { environment: process.env, excludeSchemas });
  const schemas = [...(dump.isShard ? [STATE_SCHEMA] : []), ...excludeSchemas];
  return {
    schemaSql: dump.schemaSql,
    origin: `pg_dump ${dump.pgDumpVersion} of PostgreSQL ${dump.serverVersion}`,
    file: null,
    called: decodeURIComponent(new URL(url).pathname.slice(1)),
    leftOut: ['owners and privileges', ...schemas.map((one) => `schema ${one}`)],
    variable,
  };
}

/** How to go on from what a release cannot hold. */
export function adviseOnSource(error: unknown, { file }: SchemaSource): unknown {
  const isRefused = error instanceof HalflapError && error.code === 'RELEASE_UNSUPPORTED';
  if (file !== null || !isRefused) return error;
  const { code, message, detail, hint } = error;
  const advice =
    '--exclude-schema NAME leaves a schema out; or take a dump, correct it, and name it in --from';
  return new HalflapError(code, message, { detail, hint: `${hint} ${advice}`, cause: error });
}

async function fromFile(file: string): Promise<SchemaSource> {
  await loadParser();
  const text = textOf(file);
  const again = (problem: string, hint: string) =>
    new HalflapError('RELEASE_UNREADABLE', `${file}: ${problem}`, { detail: { file }, hint });
  if (text.startsWith('PGDMP')) {
    throw again(
      'it is a dump in the custom format, which is no SQL',
      `pg_restore --schema-only --no-owner --file=schema.sql ${file}, then --from schema.sql`,
    );
  }
  const line = rowsIn(text, file);
  if (line !== null) {
    throw again(
      `line ${line} holds rows, and a release holds none`,
      `dump again: pg_dump --schema-only --exclude-schema=${STATE_SCHEMA}`,
    );
  }
  return {
    schemaSql: text,
    origin: `copied from ${file}`,
    file,
    leftOut: PRIVILEGES.test(text) ? ['owners and privileges'] : [],
    called: basename(file).replace(/\.\w+$/, ''),
    variable: null,
  };
}

/** The first line that holds rows; null where none does. */
function rowsIn(text: string, file: string): number | null {
  // Rows between COPY and \. are no SQL, so the parser must not meet them.
  const copied = /^COPY .* FROM stdin;$/m.exec(text);
  if (copied !== null) return text.slice(0, copied.index).split('\n').length;
  return readScript(text, file).find(({ kind }) => kind === 'InsertStmt')?.line ?? null;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
    throw new HalflapError('COMMAND_INVALID', `--from: cannot read ${file} (${reason})`, {
      detail: { file },
      hint: 'name a file of SQL, or a URL that begins with postgres://',
      cause,
    });
  }
}
