// A real PostgreSQL for tests, checks and demonstrations: started in a directory of its own, killed
// and restarted at will, gone without a trace at the end.
//
// States: running (a postmaster lives) ⇄ down (after kill) → stopped (directory removed, for good).
// Every way out of the starting process leads to stopped: by stop(), or by the watchdog.
//
// fsync is off: files then survive the death of any process, though not of the machine. Commits
// stay synchronous, because otherwise a kill would lose writes that were acknowledged.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { HalflapError } from '@halflap/protocol';
import { messageOf, withSession } from '../pg.js';
import { name, type Sql, sql } from '../sql.js';
import { copyCluster } from './base-backup.js';
import {
  embeddedInstallation,
  type PostgresInstallation,
  PROGRAM_ENVIRONMENT,
  type ServerUser,
  serverUser,
  temporaryRoot,
} from './installation.js';
import { freePort } from './ports.js';
import { killTree } from './processes.js';
import { startWatchdog, type Watchdog } from './watchdog.js';

export interface StartOptions {
  /** Default: the embedded one. */
  readonly installation?: PostgresInstallation;
  /** Server parameters (manual, chapter 19) over those that make tests fast. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Aborting stops the server, while it starts and later. */
  readonly signal?: AbortSignal;
  /**
   * A primary of this machine and the same version: the server is a hot standby that streams from
   * it, with its databases and its password.
   */
  readonly standbyOf?: PostgresServer;
}

export interface PostgresServer {
  readonly version: string;
  readonly major: number;
  readonly host: '127.0.0.1';
  /** Stays the same over restarts. */
  readonly port: number;
  /** A connection string for the superuser; the database need not exist yet. */
  url(database: string): string;
  createDatabase(database: string, options?: { template?: string }): Promise<void>;
  /** Ends the database's sessions first; does nothing when there is no such database. */
  dropDatabase(database: string): Promise<void>;
  /**
   * SIGKILL to the postmaster and its children; resolves when all are dead. Then restart or stop.
   */
  kill(): Promise<void>;
  /** Starts again on the same files and port, after a fast shutdown where the server still runs. */
  restart(): Promise<void>;
  /** Ends the server and removes its files. Idempotent. */
  stop(): Promise<void>;
}

const run = promisify(execFile);

const SUPERUSER = 'postgres';

const SETTINGS: Readonly<Record<string, string>> = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
  max_connections: '200',
  autovacuum: 'on',
  jit: 'off',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  // Segments in the data directory go with it, even after SIGKILL; POSIX ones would stay behind.
  dynamic_shared_memory_type: 'mmap',
  log_line_prefix: '%m [%p] %a ',
};

/** Two servers may pick one port at the same moment; the loser picks another. */
const PORT_ATTEMPTS = 5;

/** Crash recovery of a test's database takes seconds at most. */
const START_TIMEOUT_MS = 60_000;

const LOG_TAIL_LINES = 20;

/**
 * Starts a server on a free port of 127.0.0.1, in about a second; works as root and as an ordinary
 * user. The server does not keep the process alive, and ends with it however it ends.
 * @throws SCRATCH_UNAVAILABLE with the end of the server's log.
 */
export async function startPostgres(options: StartOptions = {}): Promise<PostgresServer> {
  options.signal?.throwIfAborted();
  const installation = options.installation ?? (await embeddedInstallation());
  const user = await serverUser();
  const home = await fs.mkdtemp(join(await temporaryRoot(user), 'halflap-'));
  const primaryUrl = options.standbyOf?.url('postgres');
  const server = new LocalServer(installation, user, { home, primaryUrl });
  try {
    if (primaryUrl === undefined) await server.initialize(options.settings ?? {}, options.signal);
    else await server.follow(primaryUrl, options.settings ?? {});
    options.signal?.throwIfAborted();
    await server.start();
    options.signal?.throwIfAborted();
  } catch (error) {
    await server.stop();
    throw options.signal?.aborted === true ? options.signal.reason : error;
  }
  options.signal?.addEventListener('abort', () => void server.stop(), { once: true });
  return server;
}

/** Starts a server for the time of `body`; always stops it. */
export async function withPostgres<Result>(
  body: (server: PostgresServer) => Promise<Result>,
  options: StartOptions = {},
): Promise<Result> {
  const server = await startPostgres(options);
  try {
    return await body(server);
  } finally {
    await server.stop();
  }
}

class LocalServer implements PostgresServer {
  readonly host = '127.0.0.1';
  readonly version: string;
  readonly major: number;
  readonly #installation: PostgresInstallation;
  readonly #user: ServerUser | undefined;
  readonly #home: string;
  readonly #data: string;
  readonly #password: string;
  readonly #watchdog: Watchdog;
  readonly #isStandby: boolean;
  #port = 0;
  #postmaster: ChildProcess | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    installation: PostgresInstallation,
    user: ServerUser | undefined,
    { home, primaryUrl }: { readonly home: string; readonly primaryUrl: string | undefined },
  ) {
    this.version = installation.version;
    this.major = installation.major;
    this.#installation = installation;
    this.#user = user;
    this.#home = home;
    this.#password =
      primaryUrl === undefined ? randomBytes(12).toString('hex') : new URL(primaryUrl).password;
    this.#data = join(home, 'data');
    this.#isStandby = primaryUrl !== undefined;
    this.#watchdog = startWatchdog(home);
  }

  get port(): number {
    return this.#port;
  }

  url(database: string): string {
    const path = encodeURIComponent(database);
    return `postgres://${SUPERUSER}:${this.#password}@${this.host}:${this.#port}/${path}`;
  }

  async createDatabase(database: string, options: { template?: string } = {}): Promise<void> {
    const template = name(options.template ?? 'template1');
    await this.#administer(sql`create database ${name(database)} template ${template}`);
  }

  async dropDatabase(database: string): Promise<void> {
    await this.#administer(sql`drop database if exists ${name(database)} with (force)`);
  }

  async #administer(statement: Sql): Promise<void> {
    await withSession(this.url('postgres'), 'testing/databases', (session) =>
      session.query(statement.text),
    );
  }

  /** Creates the data directory. Only once, before start. */
  async initialize(
    settings: Readonly<Record<string, string>>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const password = join(this.#home, 'password');
    await fs.writeFile(password, this.#password, { mode: 0o600 });
    if (this.#user !== undefined) {
      await fs.chown(password, this.#user.uid, this.#user.gid);
      await fs.chown(this.#home, this.#user.uid, this.#user.gid);
    }
    const local = ['--encoding=UTF8', '--locale=C', '--no-sync'];
    const access = ['--auth=password', `--username=${SUPERUSER}`, `--pwfile=${password}`];
    // The password is random, as hard to guess as its hash: many rounds of hashing at each login
    // would protect nothing. A server before 16 cannot be told so.
    const rounds = this.major >= 16 ? ['--set=scram_iterations=1'] : [];
    const program = join(this.#installation.bin, 'initdb');
    try {
      await run(program, ['-D', this.#data, ...local, ...access, ...rounds], {
        ...this.#spawnOptions(),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (cause) {
      throw unavailable(
        `cannot create a data directory with ${program}: ${messageOf(cause)}`,
        cause,
      );
    }
    await fs.rm(password);
    await this.#configure({ ...SETTINGS, ...settings });
  }

  /** Copies the data directory of a running primary. Only once, before start. */
  async follow(primaryUrl: string, settings: Readonly<Record<string, string>>): Promise<void> {
    if (this.#user !== undefined) await fs.chown(this.#home, this.#user.uid, this.#user.gid);
    await copyCluster(primaryUrl, this.#data, this.#spawnOptions());
    await this.#configure({ ...settings, primary_conninfo: primaryUrl });
  }

  async #configure(settings: Readonly<Record<string, string>>): Promise<void> {
    const lines = Object.entries(settings).map(([key, value]) => `${key} = ${quoted(value)}\n`);
    await fs.appendFile(join(this.#data, 'postgresql.conf'), lines.join(''));
  }

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.#port = await freePort(this.host);
      try {
        await this.#launch();
        break;
      } catch (error) {
        if (attempt === PORT_ATTEMPTS || !messageOf(error).includes('could not bind')) throw error;
      }
    }
    if (this.#isStandby) return;
    // The first session of a database looks up what later ones find in a file, pg_internal.init.
    // Databases are copied from this one with that file.
    await withSession(this.url('template1'), 'testing/template', async () => {});
  }

  async #launch(): Promise<void> {
    if (this.#stopped !== undefined) throw unavailable('cannot start a server that was stopped');
    const log = await fs.open(join(this.#home, 'log'), 'w');
    const program = join(this.#installation.bin, 'postgres');
    const child = spawn(program, ['-D', this.#data, '-p', String(this.#port)], {
      ...this.#spawnOptions(),
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
    this.#postmaster = child;
    this.#watchdog.watch(child.pid);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#isReady(child))) {
      const ended = child.exitCode !== null || child.signalCode !== null;
      if (ended || failure.cause !== undefined) {
        this.#postmaster = undefined;
        this.#watchdog.watch(undefined);
      }
      if (ended || failure.cause !== undefined || Date.now() > deadline) {
        throw unavailable(`cannot start ${program}:\n${await this.#logTail()}`, failure.cause);
      }
      await delay(20);
    }
  }

  /** The postmaster writes its state into line 8 of its pid file (src/include/utils/pidfile.h). */
  async #isReady(child: ChildProcess): Promise<boolean> {
    const text = await fs.readFile(join(this.#data, 'postmaster.pid'), 'utf8').catch(() => '');
    const lines = text.split('\n').map((line) => line.trim());
    return lines[0] === String(child.pid) && lines[7] === 'ready';
  }

  async kill(): Promise<void> {
    const child = this.#postmaster;
    if (child?.pid === undefined) return;
    const gone = exitOf(child);
    await killTree(child.pid);
    await gone;
    this.#postmaster = undefined;
    this.#watchdog.watch(undefined);
  }

  async restart(): Promise<void> {
    await this.#shutDown('SIGINT');
    await this.#launch();
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    // Nothing is kept, so nothing needs a checkpoint: immediate shutdown.
    await this.#shutDown('SIGQUIT');
    await this.#freeSharedMemory();
    await this.#watchdog.release();
  }

  async #shutDown(signal: 'SIGINT' | 'SIGQUIT'): Promise<void> {
    const child = this.#postmaster;
    if (child === undefined) return;
    const gone = exitOf(child);
    child.kill(signal);
    await gone;
    this.#postmaster = undefined;
    this.#watchdog.watch(undefined);
  }

  /** A killed postmaster leaves its System V segment; line 7 of its pid file says which. */
  async #freeSharedMemory(): Promise<void> {
    const text = await fs.readFile(join(this.#data, 'postmaster.pid'), 'utf8').catch(() => '');
    const segment = /^\s*\d+\s+(\d+)\s*$/.exec(text.split('\n')[6] ?? '')?.[1];
    if (segment !== undefined) {
      await run('ipcrm', ['-m', segment], this.#spawnOptions()).catch(() => {});
    }
  }

  async #logTail(): Promise<string> {
    const log = await fs.readFile(join(this.#home, 'log'), 'utf8').catch(() => '');
    return log.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
  }

  #spawnOptions() {
    return { cwd: this.#home, env: PROGRAM_ENVIRONMENT, ...this.#user };
  }
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  // Servers do not keep the process alive, but somebody who waits for their end does.
  child.ref();
  await once(child, 'exit');
}

function quoted(value: string): string {
  return `'${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}

function unavailable(message: string, cause?: unknown): HalflapError {
  const hint = 'look for the reason in the log above, or name another server: --scratch URL';
  return new HalflapError('SCRATCH_UNAVAILABLE', message, { hint, cause });
}
