// A database of its own for each use, on one server for many uses.
//
// A test run shares one server: its global set-up starts it, and each worker is told by
// useServer(). Where nobody said so, the first freshDatabase() starts a server that ends with the
// process.

import { randomBytes } from 'node:crypto';
import { connect, type Session } from '../pg.js';
import { name, sql } from '../sql.js';
import { type PostgresServer, type StartOptions, startPostgres } from './embedded.js';

export interface FreshDatabase {
  readonly database: string;
  readonly url: string;
  /** Ends the sessions of the database and removes it. Idempotent. */
  drop(): Promise<void>;
}

export interface FreshOptions {
  /** A database to clone; nobody may be connected to it. */
  readonly template?: string;
}

const PURPOSE = 'testing/databases';

/**
 * To copy a template's files costs half of what it costs to log them page by page, which is the
 * default from 15 on (before, files were always copied); but it takes a checkpoint, which is dear
 * where files are synchronised, as on a server that somebody has named.
 */
const ASK_STRATEGY = `
  select current_setting('fsync') = 'off'
    and current_setting('server_version_num')::int >= 150000 as is_copied`;

let sharedUrl: Promise<string> | undefined;

/** Names the server that freshDatabase() uses in this process: a superuser's URL, any database. */
export function useServer(url: string): void {
  sharedUrl = Promise.resolve(url);
}

/** An empty database with a unique name on the shared server, or a clone of `template`. */
export async function freshDatabase(options: FreshOptions = {}): Promise<FreshDatabase> {
  sharedUrl ??= startPostgres().then((server) => server.url('postgres'));
  return createOn(await sharedUrl, options);
}

/** A fresh database for the time of `body`; always dropped. */
export async function withDatabase<Result>(
  body: (url: string) => Promise<Result>,
  options: FreshOptions = {},
): Promise<Result> {
  const fresh = await freshDatabase(options);
  try {
    return await body(fresh.url);
  } finally {
    await fresh.drop();
  }
}

export interface ScratchServer {
  /** The server, started by the first call. */
  server(): Promise<PostgresServer>;
  freshDatabase(options?: FreshOptions): Promise<FreshDatabase>;
}

/** A server of one's own that is started when first needed and stopped after `body`. */
export async function withScratchServer<Result>(
  body: (scratch: ScratchServer) => Promise<Result>,
  options: StartOptions = {},
): Promise<Result> {
  let started: Promise<PostgresServer> | undefined;
  const server = () => {
    started ??= startPostgres(options);
    return started;
  };
  const fresh = async (freshOptions: FreshOptions = {}) =>
    createOn((await server()).url('postgres'), freshOptions);
  try {
    return await body({ server, freshDatabase: fresh });
  } finally {
    // A server that did not start has cleaned up after itself, and `body` has met its error.
    await started?.then(
      (running) => running.stop(),
      () => {},
    );
  }
}

async function createOn(adminUrl: string, options: FreshOptions): Promise<FreshDatabase> {
  const database = `fresh_${randomBytes(8).toString('hex')}`;
  const template = name(options.template ?? 'template1');
  // It waits until it drops what it has created: a session costs a third of what a database does.
  let creator: Session | undefined = await connect(adminUrl, PURPOSE);
  try {
    const [row] = await creator.query<{ is_copied: boolean }>(ASK_STRATEGY);
    const strategy = row?.is_copied === true ? sql` strategy file_copy` : sql``;
    const create = sql`create database ${name(database)} template ${template}${strategy}`;
    await creator.query(create.text);
  } catch (error) {
    await creator.end();
    throw error;
  }
  const url = new URL(adminUrl);
  url.pathname = `/${database}`;
  return {
    database,
    url: url.href,
    async drop() {
      const session = creator ?? (await connect(adminUrl, PURPOSE));
      creator = undefined;
      const drop = sql`drop database if exists ${name(database)} with (force)`;
      await session.query(drop.text).finally(() => session.end());
    },
  };
}
