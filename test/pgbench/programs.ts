// Runs pgbench as a child process and reads what it counted. The program is Debian's or anybody's:
// found in PATH or where Debian keeps it, never built or changed here.
//
// Source: PostgreSQL manual, pgbench: "Good Practices" and "Exit Status".

import { type ChildProcess, spawn } from 'node:child_process';
import { environmentOf, findPrograms } from '../setup/programs.js';

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

/** The path of pgbench; undefined where it is not installed. */
export async function findPgbench(): Promise<string | undefined> {
  return (await findPrograms('pgbench'))[0];
}

/** Starts pgbench on the database of `url`; `searchPath` binds its sessions to a release. */
export function startPgbench(
  program: string,
  url: string,
  options: { readonly arguments: readonly string[]; readonly searchPath?: string },
): PgbenchRun {
  const bound = options.searchPath?.replaceAll(' ', '');
  const child = spawn(program, [...options.arguments], {
    env: {
      ...environmentOf(url),
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
