// The store as the rest of a server uses it: a host's data is on one shard, what belongs to the
// whole fleet on the home shard.
//
// Invariant: a transaction that writes a host holds its bucket, shared, until it commits; a move of
// the bucket holds it alone. So no write is left behind, and none waits for longer than one short
// copy takes.

import { type Fleet, type Gathered, type GatherOptions, open, type Shard } from '@halflap/client';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { BUCKETS, type BucketMap, bucketOf, readBuckets } from './buckets.js';
import { APP, giveOutBuckets, installStore, LOCKS, RELEASE, type StoreShard } from './install.js';

/** What every long-lived part of a server logs to. */
export interface Log {
  debug(detail: object, message: string): void;
  info(detail: object, message: string): void;
  warn(detail: object, message: string): void;
  error(detail: object, message: string): void;
}

export interface StoreOptions {
  /** All shards; their names never change. */
  readonly shards: readonly StoreShard[];
  /** The shard of what belongs to the whole fleet; default: the first. */
  readonly home?: string;
  /** How the shards know this server. */
  readonly server: string;
  /** Connections per shard. */
  readonly poolSize: number;
  readonly log: Log;
}

/** How long a write waits for a bucket that is being moved, in attempts and ms between them. */
const MOVE_PATIENCE = { attempts: 20, pauseMs: 100 } as const;

type Body<Result> = (client: ClientBase) => Promise<Result>;

export class Store {
  readonly fleet: Fleet;
  /** Where shards can be reached by a connection of one's own: LISTEN. */
  readonly shards: readonly StoreShard[];
  readonly #home: string;
  #map: BucketMap;

  constructor(
    fleet: Fleet,
    options: { shards: readonly StoreShard[]; home: string },
    map: BucketMap,
  ) {
    this.fleet = fleet;
    this.shards = options.shards;
    this.#home = options.home;
    this.#map = map;
  }

  /** Users, roles, tokens, jobs, the audit log: what belongs to no single host. */
  get home(): Shard {
    return this.fleet.shard(this.#home);
  }

  get map(): BucketMap {
    return this.#map;
  }

  /** Asks the shards again which buckets they have. */
  async refresh(): Promise<BucketMap> {
    this.#map = await readBuckets(this.fleet, this.#map);
    return this.#map;
  }

  /** Undefined when no shard that answers has the host's bucket. */
  shardNameOf(hostId: string): string | undefined {
    return this.#map.shardOf(bucketOf(hostId));
  }

  /** @throws STORE_UNAVAILABLE when no shard that answers has the host's bucket. */
  shardOf(hostId: string): Shard {
    const name = this.shardNameOf(hostId);
    if (name !== undefined) return this.fleet.shard(name);
    throw unavailable(`no shard that answers has host ${hostId}`);
  }

  /** Reads what belongs to a host; writes go through `withHost`. */
  async readHost<Row extends object>(hostId: string, sql: string, values: readonly unknown[]) {
    return (await this.shardOf(hostId).query<Row & Record<string, unknown>>(sql, values)).rows;
  }

  /** A transaction that may write what belongs to the host. May be run again. */
  withHost<Result>(hostId: string, body: Body<Result>): Promise<Result> {
    return this.withBucket(bucketOf(hostId), body);
  }

  /**
   * A transaction that may write what belongs to hosts of the bucket. The body is run again after
   * a deadlock, and on the other shard when the bucket has moved.
   * @throws STORE_UNAVAILABLE when the shard is away, or the bucket moves for too long.
   */
  async withBucket<Result>(bucket: number, body: Body<Result>): Promise<Result> {
    for (let attempt = 1; ; attempt += 1) {
      const name = this.#map.shardOf(bucket);
      const held = name === undefined ? MOVED : await this.#enter(name, bucket, body);
      if (held !== MOVED) return held;
      if (attempt === MOVE_PATIENCE.attempts) {
        throw unavailable(`bucket ${bucket} is being moved, or its shard is away`);
      }
      if (attempt > 1) await pause(MOVE_PATIENCE.pauseMs);
      await this.refresh();
    }
  }

  async #enter<Result>(name: string, bucket: number, body: Body<Result>) {
    return this.fleet.shard(name).transaction(
      async (client) => {
        await client.query('select pg_advisory_xact_lock_shared($1, $2)', [LOCKS, bucket]);
        const { rowCount } = await client.query(
          `select from buckets where bucket = $1 and state = 'owned'`,
          [bucket],
        );
        return rowCount === 0 ? MOVED : body(client);
      },
      { retry: true },
    );
  }

  /** One statement on all shards. See the client's `gather`. */
  gather<Row extends Record<string, unknown>>(
    sql: string,
    values: readonly unknown[],
    options: GatherOptions,
  ): Promise<Gathered<Row>> {
    return this.fleet.gather<Row>(sql, values, options);
  }

  close(): Promise<void> {
    return this.fleet.close();
  }
}

/** The shard that was asked does not own the bucket now. */
const MOVED = Symbol('moved');

/**
 * Opens the store; installs it on shards that are empty.
 * @throws STORE_UNAVAILABLE when the home shard does not answer, or when no shard has buckets yet
 * and one of them does not answer; what `installStore` throws.
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const home = options.home ?? options.shards[0]?.name ?? '';
  await installStore({ shards: options.shards, home, log: options.log });
  const fleet = await open({
    app: APP,
    release: RELEASE,
    server: options.server,
    shards: options.shards.map(({ name, url }) => ({ name, url })),
    poolSize: options.poolSize,
    log: ({ level, shard, message }) => options.log[level]({ shard }, message),
  });
  try {
    let map = await readBuckets(fleet);
    if (new Set(map.rows.map(({ bucket }) => bucket)).size < BUCKETS) {
      await giveOutBuckets(fleet, home);
      map = await readBuckets(fleet);
    }
    return new Store(fleet, { shards: options.shards, home }, map);
  } catch (error) {
    await fleet.close();
    throw error;
  }
}

function unavailable(message: string): HalflapError {
  return new HalflapError('STORE_UNAVAILABLE', message, {
    hint: 'repeat it; if it lasts, look at the shards with halflap status',
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
