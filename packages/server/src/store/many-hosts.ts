// Writing what belongs to many hosts: a transaction for each shard and so many hosts, each of which
// holds the buckets of its hosts, shared, as `Store.withHost` does.
//
// What cannot be written now (a shard is away, a bucket is being moved) is left out and told:
// whoever works towards a goal comes again.

import type { ClientBase } from 'pg';
import { bucketOf } from './buckets.js';
import { LOCKS } from './install.js';
import type { Store } from './store.js';

/** Hosts of one transaction: each bucket takes a place in the server's table of locks. */
const CHUNK = 200;

export interface ManyWritten<Row> {
  readonly rows: Row[];
  /** Hosts that were left out. */
  readonly left: string[];
  /** Why, where it is not that a bucket is being moved: by shard. */
  readonly errors: ReadonlyMap<string, unknown>;
}

/** A transaction, and the shard that it is on. */
export interface Place {
  readonly client: ClientBase;
  readonly shard: string;
}

export type WriteHosts<Row> = (
  client: ClientBase,
  hosts: string[],
  shard: string,
) => Promise<readonly Row[]>;

/** The body may be run again after a deadlock. Where it throws its shard is left out. */
export async function writeHosts<Row>(
  store: Store,
  hosts: readonly string[],
  body: WriteHosts<Row>,
): Promise<ManyWritten<Row>> {
  const byShard = new Map<string, string[]>();
  const left: string[] = [];
  for (const host of hosts) {
    const shard = store.shardNameOf(host);
    if (shard === undefined) left.push(host);
    else byShard.set(shard, [...(byShard.get(shard) ?? []), host]);
  }
  const written = await Promise.all(
    [...byShard].map(([shard, those]) => writeShard(store, { shard, hosts: those }, body)),
  );
  left.push(...written.flatMap((one) => one.left));
  if (left.length > 0) await store.refresh();
  const errors = new Map(written.flatMap(({ shard, error }) => (error ? [[shard, error]] : [])));
  return { rows: written.flatMap((one) => one.rows), left, errors };
}

async function writeShard<Row>(
  store: Store,
  { shard, hosts }: { readonly shard: string; readonly hosts: readonly string[] },
  body: WriteHosts<Row>,
): Promise<ShardWritten<Row>> {
  const rows: Row[] = [];
  const left: string[] = [];
  for (let at = 0; at < hosts.length; at += CHUNK) {
    const chunk = hosts.slice(at, at + CHUNK);
    const write = async (client: ClientBase) => {
      const owned = await hold(client, chunk);
      const mine = chunk.filter((host) => owned.has(bucketOf(host)));
      left.push(...chunk.filter((host) => !owned.has(bucketOf(host))));
      return mine.length === 0 ? [] : body(client, mine, shard);
    };
    try {
      rows.push(...(await store.fleet.shard(shard).transaction(write, { retry: true })));
    } catch (error) {
      return { shard, rows, left: [...left, ...hosts.slice(at)], error };
    }
  }
  return { shard, rows, left };
}

interface ShardWritten<Row> {
  readonly shard: string;
  readonly rows: Row[];
  readonly left: string[];
  readonly error?: unknown;
}

/** The buckets of the hosts that the shard owns, held until the end of the transaction. */
async function hold(client: ClientBase, hosts: readonly string[]): Promise<Set<number>> {
  const buckets = [...new Set(hosts.map(bucketOf))].sort((one, other) => one - other);
  await client.query(
    'select pg_advisory_xact_lock_shared($1, bucket) from unnest($2::int[]) as b (bucket)',
    [LOCKS, buckets],
  );
  const { rows } = await client.query<{ bucket: number }>(
    `select bucket from buckets where bucket = any($1::int[]) and state = 'owned'`,
    [buckets],
  );
  return new Set(rows.map(({ bucket }) => bucket));
}
