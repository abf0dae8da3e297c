// One PostgreSQL process on a data directory: made, started, ended. Whose it is and how long it
// lives is decided elsewhere.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HalflapError } from '@halflap/protocol';
import { messageOf } from '../pg.js';
import { type PostgresInstallation, PROGRAM_ENVIRONMENT, type ServerUser } from './installation.js';

const run = promisify(execFile);

export const SUPERUSER = 'postgres';

/** Crash recovery of a small database takes seconds at most. */
const START_TIMEOUT_MS = 60_000;

const LOG_TAIL_LINES = 20;

/** Where a server's files are, and who runs it. */
export interface Place {
  readonly installation: PostgresInstallation;
  readonly user: ServerUser | undefined;
  /** The directory of the log, in which the programs run; `data` is below it. */
  readonly home: string;
  readonly data: string;
}

export interface NewData {
  readonly password: string;
  /** Server parameters (manual, chapter 19). */
  readonly settings: Readonly<Record<string, string>>;
  /** More words for initdb. */
  readonly words?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Creates the data directory. Its parent must belong to the server's user.
 * @throws SCRATCH_UNAVAILABLE with what initdb said.
 */
export async function createData(place: Place, made: NewData): Promise<void> {
  const { installation, user, home, data } = place;
  const file = join(home, 'password');
  await fs.writeFile(file, made.password, { mode: 0o600 });
  if (user !== undefined) await fs.chown(file, user.uid, user.gid);
  const access = ['--auth=password', `--username=${SUPERUSER}`, `--pwfile=${file}`];
  const program = join(installation.bin, 'initdb');
  try {
    const words = ['-D', data, '--encoding=UTF8', '--locale=C', ...access, ...(made.words ?? [])];
    await run(program, words, {
      ...spawnOptions(place),
      ...(made.signal === undefined ? {} : { signal: made.signal }),
    });
  } catch (cause) {
    throw unavailable(`cannot create a data directory with ${program}: ${messageOf(cause)}`, cause);
  }
  await fs.rm(file);
  await configure(data, made.settings);
}

/** Appends server parameters. */
export async function configure(
  data: string,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${quoted(value)}\n`);
  await fs.appendFile(join(data, 'postgresql.conf'), lines.join(''));
}

export interface Launch {
  readonly port: number;
  /** Told the process as soon as there is one. */
  readonly onStart?: (child: ChildProcess) => void;
}

/**
 * Starts the server and waits until it takes connections. It does not keep this process alive.
 * @throws SCRATCH_UNAVAILABLE with the end of its log.
 */
export async function launch(place: Place, { port, onStart }: Launch): Promise<ChildProcess> {
  const log = await fs.open(join(place.home, 'log'), 'w');
  const program = join(place.installation.bin, 'postgres');
  const child = spawn(program, ['-D', place.data, '-p', String(port)], {
    ...spawnOptions(place),
    // A session of its own: an interrupt typed at the terminal is the program's to handle.
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
  });
  // A program that cannot be run has no process id and tells why by this event.
  const failure: { cause?: Error } = {};
  child.once('error', (cause) => {
    failure.cause = cause;
  });
  await log.close();
  child.unref();
  onStart?.(child);
  const deadline = Date.now() + START_TIMEOUT_MS;
  while ((await readyServer(place.data)) !== child.pid) {
    const ended = child.exitCode !== null || child.signalCode !== null;
    if (ended || failure.cause !== undefined || Date.now() > deadline) {
      throw unavailable(`cannot start ${program}:\n${await logTail(place)}`, failure.cause);
    }
    await delay(20);
  }
  return child;
}

/**
 * The process id of the server that takes connections on this data directory, as its pid file says
 * in line 8 (src/include/utils/pidfile.h). It may be dead.
 */
export async function readyServer(data: string): Promise<number | undefined> {
  const text = await fs.readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  const lines = text.split('\n').map((line) => line.trim());
  return lines[7] === 'ready' ? Number(lines[0]) : undefined;
}

/** Resolves when the process is gone. */
export async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // Servers do not keep the process alive, but somebody who waits for their end does.
  child.ref();
  await once(child, 'exit');
}

export function spawnOptions({ home, user }: Place) {
  return { cwd: home, env: PROGRAM_ENVIRONMENT, ...user };
}

export function unavailable(message: string, cause?: unknown): HalflapError {
  const hint = 'look for the reason in the log above, or name another server: --scratch URL';
  return new HalflapError('SCRATCH_UNAVAILABLE', message, { hint, cause });
}

async function logTail({ home }: Place): Promise<string> {
  const log = await fs.readFile(join(home, 'log'), 'utf8').catch(() => '');
  return log.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
}

function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
