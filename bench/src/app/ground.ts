// What the application is measured on: a PostgreSQL with some shards, servers as processes, an API
// token, simulated hosts. All of it ends with the measurement.

import { randomBytes } from 'node:crypto';
import { startPostgres } from '@halflap/engine/testing';
import {
  makeApiToken,
  makeUser,
  openStore,
  SECRET_BYTES,
  type ServerPace,
  type Store,
  type StoreShard,
  writeGrants,
} from '@halflap/server';
import { type Child, startChild } from './child.js';
import type { FleetProcessOptions, FleetReady } from './fleet-process.js';
import type { ServerProcessOptions, ServerReady } from './server-process.js';

export type ServerChild = Child<ServerReady>;
export type FleetChild = Child<FleetReady>;

export interface Ground {
  /** Where they really are. */
  readonly shards: readonly StoreShard[];
  readonly store: Store;
  /** Of a user who may do everything. */
  readonly token: string;
  startServer(pace?: Partial<ServerPace>, place?: ServerPlace): Promise<ServerChild>;
  startFleet(servers: readonly ServerChild[], size: FleetSize): Promise<FleetChild>;
}

/** Default: another name each time, any ports, the shards where they really are. */
export type ServerPlace = Partial<
  Pick<ServerProcessOptions, 'name' | 'ports' | 'shards' | 'console'>
>;

export type FleetSize = Omit<FleetProcessOptions, 'servers' | 'token' | 'authorities'>;

export interface GroundOptions {
  readonly shards: number;
  /** Commits wait for the disk. */
  readonly isDurable: boolean;
}

const SETTINGS = { shared_buffers: '512MB', max_connections: '400', max_wal_size: '4GB' };
const DURABLE = { fsync: 'on', full_page_writes: 'on' };

const silent = () => {};
const log = { debug: silent, info: silent, warn: silent, error: silent };

export async function withGround<Result>(
  { shards: count, isDurable }: GroundOptions,
  body: (ground: Ground) => Promise<Result>,
): Promise<Result> {
  const settings = { ...SETTINGS, ...(isDurable ? DURABLE : {}) };
  const postgres = await startPostgres({ settings });
  const ends: (() => Promise<void>)[] = [() => postgres.stop()];
  try {
    const names = Array.from({ length: count }, (_, at) => `s${at + 1}`);
    for (const name of names) await postgres.createDatabase(name);
    const shards = names.map((name) => ({ name, url: postgres.url(name) }));
    const store = await openStore({ shards, server: 'bench', poolSize: 4, log });
    ends.push(() => store.close());
    return await body(await groundOn({ shards, store, ends }));
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

interface Begun {
  readonly shards: readonly StoreShard[];
  readonly store: Store;
  readonly ends: (() => Promise<void>)[];
}

async function groundOn({ shards, store, ends }: Begun): Promise<Ground> {
  const secretHex = randomBytes(SECRET_BYTES).toString('hex');
  const token = await makeAdministrator(store);
  let servers = 0;
  return {
    ...{ shards, store, token },
    async startServer(pace = {}, place = {}) {
      servers += 1;
      const usual = { name: `server${servers}`, shards };
      const options: ServerProcessOptions = { ...usual, secretHex, pace, ...place };
      const server = await startChild<ServerReady>('server-process.js', options);
      ends.push(() => server.kill());
      return server;
    },
    async startFleet(to, size) {
      const options: FleetProcessOptions = {
        ...size,
        servers: to.map(({ ready }) => ({ host: '127.0.0.1', port: ready.agentsPort })),
        token: await enrolmentToken(to[0] as ServerChild, token, size.count),
        authorities: to[0]?.ready.authority ?? '',
      };
      const fleet = await startChild<FleetReady>('fleet-process.js', options);
      ends.push(() => fleet.kill());
      return fleet;
    },
  };
}

function makeAdministrator(store: Store): Promise<string> {
  return store.home.transaction(async (client) => {
    const user = { name: 'bench', passwordHash: null };
    const userId = await makeUser(client, user);
    const grants = [{ role: 'admin', selector: null }] as const;
    await writeGrants(client, { user: userId }, grants);
    const asked = { name: 'bench', grants, expiresInSeconds: 86_400 };
    const { secret } = await makeApiToken(client, { userId, grants, name: 'bench' }, asked);
    return secret;
  });
}

/** For so many hosts. */
export async function enrolmentToken(server: ServerChild, token: string, maxUses: number) {
  const body = { name: 'bench', maxUses };
  const made = await call<{ token: string }>({ server, token }, '/enrolment-tokens', body);
  return made.token;
}

export interface Caller {
  readonly server: ServerChild;
  readonly token: string;
}

/** Through the API; with a body it is a POST. @throws when it is refused. */
export async function call<Answer>(
  { server, token }: Caller,
  path: string,
  body?: object,
): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const post = { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(`${server.ready.address}/api/v1${path}`, {
    headers: body === undefined ? { authorization: headers.authorization } : headers,
    ...(body === undefined ? {} : post),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}

/** Resolves after that time: how long something is watched. */
export function lasting(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000));
}
