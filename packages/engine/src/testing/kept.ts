// A PostgreSQL whose data stays: for one machine that wants to run without a database server of
// its own. It is as safe as any other server: fsync is on.
//
// Whoever starts it ends it. When he is killed the server goes on, and the next one who asks for
// the same directory takes it over as it runs.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import * as fs from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError } from '@halflap/protocol';
import { withSession } from '../pg.js';
import { name, sql } from '../sql.js';
import { canRead, embeddedInstallation, serverUser } from './installation.js';
import { freePort } from './ports.js';
import { createData, launch, type Place, readyServer, SUPERUSER } from './postmaster.js';

export interface KeptServer {
  /** Somebody else has started it, who will stop it. */
  readonly isOthers: boolean;
  /** A connection string for the superuser. */
  url(database: string): string;
  /** Makes the database where there is none of that name. */
  ensureDatabase(database: string): Promise<void>;
  /** Shuts the server down; the data stays. Idempotent. */
  stop(): Promise<void>;
}

const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  dynamic_shared_memory_type: 'mmap',
  max_connections: '200',
  jit: 'off',
  log_line_prefix: '%m [%p] %a ',
};

interface Access {
  readonly port: number;
  readonly password: string;
}

/**
 * The server of a directory, made when there is none. Below it everything belongs to the server.
 * @throws SCRATCH_UNAVAILABLE with the end of the server's log.
 */
export async function startKept(home: string): Promise<KeptServer> {
  const user = await serverUser(['postgres', 'nobody', 'daemon']);
  const place: Place = { installation: await embeddedInstallation(), user, home, data: '' };
  await fs.mkdir(home, { recursive: true, mode: 0o700 });
  if (user !== undefined) {
    await fs.chown(home, user.uid, user.gid);
    await makeReachable(dirname(home));
    if (!(await canRead(user, [home]))) throw unreachable(home);
  }
  const kept = { ...place, data: join(home, 'data') };
  const access = (await readAccess(home)) ?? (await create(kept));
  const running = await runningServer(kept.data, access.port);
  const id = running ?? (await launch(kept, { port: access.port })).pid;
  let stopped: Promise<void> | undefined;
  const url = (database: string) => urlOf(access, database);
  return {
    isOthers: running !== undefined,
    url,
    ensureDatabase: (database) => ensureDatabase(url('postgres'), database),
    stop() {
      stopped ??= shutDown(kept.data, id);
      return stopped;
    },
  };
}

/**
 * Connection strings for the superuser of the server of a directory, whether it runs or not;
 * undefined where none was made.
 */
export async function keptUrls(home: string): Promise<KeptServer['url'] | undefined> {
  const access = await readAccess(home);
  return access && ((database) => urlOf(access, database));
}

function urlOf({ port, password }: Access, database: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
}

async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  await withSession(adminUrl, 'testing/kept', async (session) => {
    const found = await session.query('select from pg_database where datname = $1', [database]);
    if (found.length === 0) await session.query(sql`create database ${name(database)}`.text);
  });
}

function unreachable(home: string): HalflapError {
  return new HalflapError('SCRATCH_UNAVAILABLE', `PostgreSQL cannot get to ${home}`, {
    hint: 'it does not run as root: choose a directory below ones that all may enter, as /var/lib',
  });
}

/** Another user than this one has to get to the directory, and to see nothing else on the way. */
async function makeReachable(directory: string): Promise<void> {
  const { mode } = await fs.stat(directory);
  await fs.chmod(directory, (mode & 0o7777) | 0o011);
}

const ACCESS = 'access.json';

async function readAccess(home: string): Promise<Access | undefined> {
  const text = await fs.readFile(join(home, ACCESS), 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Access);
}

/** The file that says how to get in comes last: without it what is there was never finished. */
async function create(place: Place): Promise<Access> {
  await fs.rm(place.data, { recursive: true, force: true });
  const access = { port: await freePort('127.0.0.1'), password: randomBytes(24).toString('hex') };
  await createData(place, { password: access.password, settings: SETTINGS });
  const file = join(place.home, ACCESS);
  await fs.writeFile(`${file}.new`, JSON.stringify(access), { mode: 0o600 });
  await fs.rename(`${file}.new`, file);
  return access;
}

/** After a crash of the machine the pid file may name a process that is something else now. */
async function runningServer(data: string, port: number): Promise<number | undefined> {
  const id = await readyServer(data);
  return id !== undefined && (await answers(port)) ? id : undefined;
}

async function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  const isOpen = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return isOpen;
}

function isAlive(id: number): boolean {
  try {
    process.kill(id, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** SIGINT is PostgreSQL's fast shutdown (manual, section 18.5). */
async function shutDown(data: string, id: number | undefined): Promise<void> {
  if (id === undefined || !isAlive(id)) return;
  process.kill(id, 'SIGINT');
  while ((await fs.stat(join(data, 'postmaster.pid')).catch(() => null)) !== null) {
    if (!isAlive(id)) return;
    await delay(20);
  }
}
