// A real PostgreSQL for tests, checks and demonstrations: started in a directory of its own, killed
// and restarted at will, gone without a trace at the end.
//
// States: running (a postmaster lives) ⇄ down (after kill) → stopped (directory removed, for good).
// Every way out of the starting process leads to stopped: by stop(), or by the watchdog.
//
// fsync is off: files then survive the death of any process, though not of the machine. Commits
// stay synchronous, because otherwise a kill would lose writes that were acknowledged.

import { type ChildProcess, execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf, withSession } from '../pg.js';
import { name, type Sql, sql } from '../sql.js';
import { copyCluster } from './base-backup.js';
import {
  embeddedInstallation,
  type PostgresInstallation,
  type ServerUser,
  serverUser,
  temporaryRoot,
} from './installation.js';
import { freePort } from './ports.js';
import {
  configure,
  createData,
  exitOf,
  launch,
  type Place,
  SUPERUSER,
  spawnOptions,
  unavailable,
} from './postmaster.js';
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
  readonly #place: Place;
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
    this.#password =
      primaryUrl === undefined ? randomBytes(12).toString('hex') : new URL(primaryUrl).password;
    this.#place = { installation, user, home, data: join(home, 'data') };
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
    const { user, home } = this.#place;
    if (user !== undefined) await fs.chown(home, user.uid, user.gid);
    // The password is random, as hard to guess as its hash: many rounds of hashing at each login
    // would protect nothing. A server before 16 cannot be told so.
    const rounds = this.major >= 16 ? ['--set=scram_iterations=1'] : [];
    await createData(this.#place, {
      password: this.#password,
      settings: { ...SETTINGS, ...settings },
      words: ['--no-sync', ...rounds],
      signal,
    });
  }

  /** Copies the data directory of a running primary. Only once, before start. */
  async follow(primaryUrl: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const { user, home, data } = this.#place;
    if (user !== undefined) await fs.chown(home, user.uid, user.gid);
    await copyCluster(primaryUrl, data, spawnOptions(this.#place));
    await configure(data, { ...settings, primary_conninfo: primaryUrl });
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
    const onStart = (child: ChildProcess) => {
      this.#postmaster = child;
      this.#watchdog.watch(child.pid);
    };
    try {
      await launch(this.#place, { port: this.#port, onStart });
    } catch (error) {
      const child = this.#postmaster;
      if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
        this.#postmaster = undefined;
        this.#watchdog.watch(undefined);
      }
      throw error;
    }
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
    const text = await fs
      .readFile(join(this.#place.data, 'postmaster.pid'), 'utf8')
      .catch(() => '');
    const segment = /^\s*\d+\s+(\d+)\s*$/.exec(text.split('\n')[6] ?? '')?.[1];
    if (segment !== undefined) {
      await run('ipcrm', ['-m', segment], spawnOptions(this.#place)).catch(() => {});
    }
  }
}
