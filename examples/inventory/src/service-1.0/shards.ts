// Release 1.0 and its shards: plain node-postgres pools. It has never heard of Halflap.

import pg from 'pg';
import { placementOf } from '../http/placement.js';
import type { Tally } from '../http/tally.js';

const POOL_SIZE = 4;
/** So long that a server which nobody asks still has sessions open. */
const IDLE_MS = 600_000;

export interface Database {
  query<Row extends object>(text: string, values: readonly unknown[]): Promise<Row[]>;
}

export interface Shards {
  readonly names: readonly string[];
  /** The shard on which a host lives, or will live. */
  of(hostName: string): string;
  on(shard: string, tally: Tally): Database;
  transaction<Result>(
    shard: string,
    tally: Tally,
    body: (database: Database) => Promise<Result>,
  ): Promise<Result>;
  /** Opens a session on each shard. @throws PostgreSQL's error for one that is away */
  connect(): Promise<void>;
  close(): Promise<void>;
}

export function openShards(urls: Readonly<Record<string, string>>, server: string): Shards {
  const names = Object.keys(urls).sort();
  const pools = new Map(names.map((name) => [name, openPool(urls[name], server)]));
  const pool = (shard: string): pg.Pool => {
    const found = pools.get(shard);
    if (found === undefined) throw new TypeError(`no shard ${shard}`);
    return found;
  };
  return {
    names,
    of: (hostName) => placementOf(hostName, names),
    on: (shard, tally) => counted(pool(shard), shard, tally),
    async transaction(shard, tally, body) {
      const client = await pool(shard).connect();
      try {
        await client.query('begin');
        const result = await body(counted(client, shard, tally));
        await client.query('commit');
        client.release();
        return result;
      } catch (error) {
        const isBroken = await client.query('rollback').then(
          () => false,
          () => true,
        );
        client.release(isBroken);
        throw error;
      }
    },
    async connect() {
      await Promise.all([...pools.values()].map((open) => open.query('select 1')));
    },
    async close() {
      await Promise.all([...pools.values()].map((open) => open.end()));
    },
  };
}

function openPool(url: string | undefined, server: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: POOL_SIZE,
    // By which an operator sees in pg_stat_activity who works with the shard.
    application_name: `${server}/inventory@1.0`,
    idleTimeoutMillis: IDLE_MS,
  });
  // An idle session that breaks is replaced at its next use; without a listener it ends the
  // process.
  pool.on('error', () => {});
  return pool;
}

function counted(source: pg.Pool | pg.PoolClient, shard: string, tally: Tally): Database {
  return {
    async query<Row extends object>(text: string, values: readonly unknown[]) {
      const { rows } = await source.query<Row>(text, [...values]);
      tally.add(shard, 'native');
      return rows;
    },
  };
}
