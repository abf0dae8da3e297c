// Programs that nobody here wrote, as users of PostgreSQL have them: found in PATH or where Debian
// keeps them, run as child processes on one database, never built or changed here.

import { spawn } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  /** Over what `environmentOf` gives. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly input?: string;
}

const DEBIAN = '/usr/lib/postgresql';

/** Every program of that name: as PATH finds it first, then newest first. */
export async function findPrograms(name: string): Promise<string[]> {
  const inPath = (process.env.PATH ?? '').split(delimiter).filter((one) => one !== '');
  const versions = await readdir(DEBIAN).catch(() => []);
  const debian = versions
    .sort((one, other) => Number(other) - Number(one))
    .map((version) => join(DEBIAN, version, 'bin'));
  const found: string[] = [];
  for (const directory of [...inPath, ...debian]) {
    const program = join(directory, name);
    const isThere = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere && !found.includes(program)) found.push(program);
  }
  return found;
}

/** Where libpq looks for the database when nobody names one; messages in English. */
export function environmentOf(url: string): Record<string, string> {
  const { hostname, port, username, password, pathname } = new URL(url);
  return {
    PATH: process.env.PATH ?? '',
    LC_ALL: 'C',
    PGHOST: hostname,
    PGPORT: port,
    PGUSER: username,
    PGPASSWORD: password,
    PGDATABASE: pathname.slice(1),
  };
}

/** Runs a program on the database of `url` to its end, whatever that is. */
export async function runProgram(
  url: string,
  [program, ...given]: readonly [string, ...string[]],
  { environment = {}, input = '' }: ProgramOptions = {},
): Promise<Ended> {
  const child = spawn(program, given, { env: { ...environmentOf(url), ...environment } });
  const written = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      written[stream] += text;
    });
  }
  // A program that ends before it has read everything says why by its exit code.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { exitCode, ...written };
}
