// Runs pgbench as a child process and reads what it counted. The program is Debian's or anybody's:
// found in PATH or where Debian keeps it, never built or changed here.
//
// Source: PostgreSQL manual, pgbench: "Good Practices" and "Exit Status".

import { type ChildProcess, spawn } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface PgbenchReport {
  readonly exitCode: number | null;
  /** Transactions that were committed. */
  readonly processed: number;
  /** Transactions that ended in a serialization failure or a deadlock. */
  readonly failed: number;
  /** Transactions that were run again; pgbench prints the line only where it may do so. */
  readonly retried: number;
  readonly output: string;
}

export interface PgbenchRun {
  /** Ends the run as its -T would: every client finishes its transaction. */
  finish(): Promise<PgbenchReport>;
  /** The report, when the run has ended by itself. */
  readonly ended: Promise<PgbenchReport>;
}

const DEBIAN = '/usr/lib/postgresql';

/** The path of pgbench; undefined where it is not installed. */
export async function findPgbench(): Promise<string | undefined> {
  const inPath = (process.env.PATH ?? '').split(delimiter).filter((one) => one !== '');
  const versions = await readdir(DEBIAN).catch(() => []);
  const debian = versions
    .sort()
    .reverse()
    .map((version) => join(DEBIAN, version, 'bin'));
  for (const directory of [...inPath, ...debian]) {
    const program = join(directory, 'pgbench');
    const isThere = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return program;
  }
  return undefined;
}

/** Starts pgbench on the database of `url`; `searchPath` binds its sessions to a release. */
export function startPgbench(
  program: string,
  url: string,
  options: { readonly arguments: readonly string[]; readonly searchPath?: string },
): PgbenchRun {
  const { hostname, port, username, password, pathname } = new URL(url);
  const bound = options.searchPath?.replaceAll(' ', '');
  const child = spawn(program, [...options.arguments], {
    env: {
      PATH: process.env.PATH,
      LC_ALL: 'C',
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGPASSWORD: password,
      PGDATABASE: pathname.slice(1),
      ...(bound === undefined ? {} : { PGOPTIONS: `-c search_path=${bound}` }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = reportOf(child);
  return {
    ended,
    finish: () => {
      // The signal of its own clock for -T (pgbench.c, handle_sig_alarm).
      child.kill('SIGALRM');
      return ended;
    },
  };
}

async function reportOf(child: ChildProcess): Promise<PgbenchReport> {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const count = (pattern: RegExp, missing: number) => {
    const found = pattern.exec(output)?.[1];
    return found === undefined ? missing : Number(found);
  };
  return {
    exitCode,
    processed: count(/number of transactions actually processed: (\d+)/, Number.NaN),
    failed: count(/number of failed transactions: (\d+)/, Number.NaN),
    retried: count(/number of transactions retried: (\d+)/, 0),
    output,
  };
}
