// A live database → the text of a schema.sql, by PostgreSQL's own pg_dump: it knows every object of
// every version, in the order in which they load.
//
// pg_dump refuses a server that is newer than itself (manual, pg_dump, Notes), so one is chosen
// that is not older. The password travels in its environment, where other users cannot see it.

import { execFile } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { HalflapError, STATE_SCHEMA } from '@halflap/protocol';
import { messageOf, withSession } from '../pg.js';

export interface Dump {
  readonly schemaSql: string;
  /** As each says it: `15.18`. */
  readonly serverVersion: string;
  readonly pgDumpVersion: string;
  /** Whether the database is a shard already, whose state was left out. */
  readonly isShard: boolean;
}

export interface DumpOptions {
  /** Left out besides Halflap's own. */
  readonly excludeSchemas: readonly string[];
  /** Variables of the environment: PATH leads to pg_dump, PG… are for it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface Program {
  readonly file: string;
  readonly version: string;
}

/** Where Debian keeps the programs of each major version. */
const DEBIAN = '/usr/lib/postgresql';

/** A schema of ten thousand tables takes about this much. */
const MAX_DUMP_BYTES = 256 * 1024 * 1024;

const run = promisify(execFile);

/**
 * The schema of a database without Halflap's own, without owners and privileges. Reads only.
 * @throws SHARD_UNREACHABLE; DUMP_FAILED when pg_dump is missing, too old, or fails.
 */
export async function dumpSchema(url: string, options: DumpOptions): Promise<Dump> {
  const { serverVersion, isShard } = await withSession(url, 'init', async (session) => {
    const [row] = await session.query<{ version: string; state: string | null }>(
      "select current_setting('server_version') as version, to_regnamespace($1)::text as state",
      [STATE_SCHEMA],
    );
    return { serverVersion: row?.version.split(' ')[0] ?? '', isShard: row?.state != null };
  });
  const program = await choosePgDump(serverVersion, options);
  const text = await runPgDump(program, url, options);
  const schemaSql = withoutKeyLines(text);
  return { schemaSql, serverVersion, pgDumpVersion: program.version, isShard };
}

/** Of those that are not older than the server, the one that is nearest to it. */
async function choosePgDump(serverVersion: string, options: DumpOptions): Promise<Program> {
  const found = await findPgDumps(options);
  const wanted = majorOf(serverVersion);
  const fitting = found.filter((one) => majorOf(one.version) >= wanted);
  const [chosen] = fitting.sort((one, other) => majorOf(one.version) - majorOf(other.version));
  if (chosen !== undefined) return chosen;
  const versions = [...new Set(found.map((one) => one.version))].join(', ');
  const there = versions === '' ? 'none was found' : `found ${versions}`;
  const needs = `PostgreSQL ${serverVersion} needs a pg_dump of ${wanted} or later`;
  throw new HalflapError('DUMP_FAILED', `${needs}; ${there}`, {
    hint:
      `install postgresql-client-${wanted} and put pg_dump into PATH; or run, where there is ` +
      `one, pg_dump --schema-only --exclude-schema=${STATE_SCHEMA} --file=schema.sql, ` +
      'and name that file in --from',
  });
}

async function findPgDumps({ environment }: DumpOptions): Promise<Program[]> {
  const inPath = (environment.PATH ?? '').split(delimiter).filter((one) => one !== '');
  const versions = await readdir(DEBIAN).catch(() => []);
  const directories = [...inPath, ...versions.map((version) => join(DEBIAN, version, 'bin'))];
  const found: Program[] = [];
  for (const directory of directories) {
    const file = join(directory, 'pg_dump');
    const isThere = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    );
    const version = isThere ? await versionOf(file, environment) : undefined;
    if (version !== undefined) found.push({ file, version });
  }
  return found;
}

/** Undefined for what does not run: Debian's wrapper without any version, another machine's. */
async function versionOf(
  file: string,
  environment: DumpOptions['environment'],
): Promise<string | undefined> {
  const asked = await run(file, ['--version'], { env: environmentOf(environment) }).catch(
    () => undefined,
  );
  return /\(PostgreSQL\) (\S+)/.exec(asked?.stdout ?? '')?.[1];
}

async function runPgDump(
  { file, version }: Program,
  url: string,
  { environment, excludeSchemas }: DumpOptions,
): Promise<string> {
  const { address, password } = withoutPassword(url);
  const env = {
    ...environmentOf(environment),
    ...(password === undefined ? {} : { PGPASSWORD: password }),
    PGAPPNAME: 'halflap/init',
  };
  const args = [
    '--schema-only',
    '--no-owner',
    '--no-privileges',
    '--no-password',
    '--encoding=UTF8',
    ...[STATE_SCHEMA, ...excludeSchemas].map((one) => `--exclude-schema=${one}`),
    `--dbname=${address}`,
  ];
  try {
    const { stdout } = await run(file, args, { env, maxBuffer: MAX_DUMP_BYTES });
    return stdout;
  } catch (cause) {
    const said = (cause as { readonly stderr?: string }).stderr?.trim() || messageOf(cause);
    throw new HalflapError('DUMP_FAILED', `pg_dump ${version} failed: ${said}`, {
      hint: 'connect as the owner of the tables, or give a dump of the schema as --from FILE.sql',
      cause,
    });
  }
}

/** libpq takes the password from the environment, so that it stands in no list of processes. */
function withoutPassword(url: string): { address: string; password: string | undefined } {
  const place = new URL(url);
  const inQuery = place.searchParams.get('password');
  const password = place.password === '' ? inQuery : decodeURIComponent(place.password);
  place.password = '';
  place.searchParams.delete('password');
  return { address: place.href, password: password ?? undefined };
}

/** Messages in English; no variable that would name another database. */
function environmentOf(environment: DumpOptions['environment']): Record<string, string> {
  const set = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return { ...Object.fromEntries(set), LC_ALL: 'C' };
}

/** A key that differs each time, for psql alone: without it two dumps of one schema are equal. */
function withoutKeyLines(text: string): string {
  return text.replace(/^\\(?:un)?restrict .*\n\n?/gm, '');
}

function majorOf(version: string): number {
  return Number.parseInt(version, 10);
}
