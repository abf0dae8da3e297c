// A bucket goes from one shard to another: for a new shard, or to even out.
//
//   owned on A ──leave──► leaving on A ──arrive──► leaving on A, owned on B ──clear──► owned on B
//
// leave   from now on A refuses writes of the bucket's hosts; those under way have ended.
// arrive  B has a copy of all rows, and the higher epoch, in one transaction.
// clear   A has neither rows nor bucket.
//
// Each step asks whether it has been taken, so whoever runs the move again goes on with it, after a
// crash at any point, and two who run it at once do no harm: a shard's lock of the bucket is held
// for each step on it, and B copies only while A says, at that moment, that the bucket is leaving.

import type { Shard } from '@halflap/client';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { LOCKS } from './install.js';
import type { Store } from './store.js';

/**
 * What belongs to a host and goes with it, in the order in which it is written: a table, and what
 * its rows of a bucket are. A test holds the list to the foreign keys of the schema.
 */
export const MOVED: readonly Moved[] = [
  { table: 'hosts', where: 'bucket = $1' },
  ...['host_packages', 'host_services', 'host_certificates', 'host_events'].map((table) => ({
    table,
    where: 'host_id in (select id from hosts where bucket = $1)',
  })),
  { table: 'job_runs', where: 'bucket = $1' },
  {
    table: 'job_output',
    where: 'run_id in (select id from job_runs where bucket = $1)',
    // Of up to 64 KiB each.
    batchRows: 100,
  },
];

interface Moved {
  readonly table: string;
  readonly where: string;
  /** Rows that are in memory at once; default: BATCH_ROWS. */
  readonly batchRows?: number;
}

/** Told after each step; for progress, and for tests that stop there. */
export type OnStep = (step: 'left' | 'arrived' | 'cleared') => void;

export interface Move {
  readonly bucket: number;
  readonly to: string;
  readonly onStep?: OnStep;
}

/** How long a step waits for the writes of the bucket that are under way. */
const LOCK_TIMEOUT = '5s';
const BATCH_ROWS = 2000;

/**
 * Moves one bucket. Idempotent. @returns false when it was there already.
 * @throws STORE_UNAVAILABLE when a shard does not answer; API_CONFLICT when the bucket is leaving
 * for another shard.
 */
export async function moveBucket(store: Store, move: Move): Promise<boolean> {
  const { bucket, to, onStep = () => {} } = move;
  await store.refresh();
  const held = store.map.rows.filter((row) => row.bucket === bucket);
  // Of two, the one with the lower epoch is where it comes from.
  const from = held.filter(({ shard }) => shard !== to).sort((a, b) => b.epoch - a.epoch)[0];
  if (from === undefined) return false;
  const [source, target] = [store.fleet.shard(from.shard), store.fleet.shard(to)];
  const epoch = await leave(source, move);
  if (epoch === null) return false;
  onStep('left');
  await arrive({ source, target, bucket, epoch });
  onStep('arrived');
  await clear({ source, target, bucket, epoch });
  onStep('cleared');
  await store.refresh();
  return true;
}

/** @returns the epoch that leaves; null when the bucket has gone. */
async function leave(source: Shard, { bucket, to }: Move): Promise<number | null> {
  return locked(source, bucket, async (client) => {
    const { rows } = await client.query<{ epoch: number; moving_to: string | null }>(
      `update buckets
       set state = 'leaving', moving_to = coalesce(moving_to, $2),
         changed_at = case when state = 'owned' then now() else changed_at end
       where bucket = $1
       returning epoch::int, moving_to`,
      [bucket, to],
    );
    const [row] = rows;
    if (row === undefined) return null;
    if (row.moving_to === to) return row.epoch;
    throw new HalflapError(
      'API_CONFLICT',
      `bucket ${bucket} is on its way from ${source.name} to ${row.moving_to}, not to ${to}`,
      { hint: `let it arrive first: move it to ${row.moving_to}` },
    );
  });
}

interface Step {
  readonly source: Shard;
  readonly target: Shard;
  readonly bucket: number;
  /** That which leaves. */
  readonly epoch: number;
}

async function arrive({ source, target, bucket, epoch }: Step): Promise<void> {
  await locked(target, bucket, async (client) => {
    const there = await client.query('select from buckets where bucket = $1 and epoch > $2', [
      bucket,
      epoch,
    ]);
    if (there.rowCount !== 0) return;
    const { rowCount } = await source.query(
      `select from buckets where bucket = $1 and epoch = $2 and state = 'leaving'`,
      [bucket, epoch],
    );
    // Somebody else has finished it, and it has gone on from there.
    if (rowCount === 0) return;
    await removeRows(client, bucket);
    await client.query(
      `insert into buckets (bucket, state, epoch) values ($1, 'owned', $2)
       on conflict (bucket) do update
         set state = 'owned', moving_to = null, epoch = excluded.epoch, changed_at = now()`,
      [bucket, epoch + 1],
    );
    for (const one of MOVED) await copy(source, client, { ...one, bucket });
  });
}

/** Runs of jobs stay when their host is removed, so they do not go with it by themselves. */
async function removeRows(client: ClientBase, bucket: number): Promise<void> {
  await client.query('delete from hosts where bucket = $1', [bucket]);
  await client.query('delete from job_runs where bucket = $1', [bucket]);
}

/** Rows travel as the text of JSON, which this process does not read: nothing is rounded. */
async function copy(
  source: Shard,
  target: ClientBase,
  { table, where, bucket, batchRows = BATCH_ROWS }: Moved & { readonly bucket: number },
): Promise<void> {
  const columns = await columnsOf(source, table);
  for (let at = 0; ; at += batchRows) {
    const { rows } = await source.query<{ batch: string; size: number }>(
      `select coalesce(jsonb_agg(to_jsonb(b)), '[]')::text as batch, count(*)::int as size
       from (
         select ${columns} from ${table} where ${where}
         order by ${columns} limit $2 offset $3
       ) as b`,
      [bucket, batchRows, at],
    );
    const { batch = '[]', size = 0 } = rows[0] ?? {};
    await target.query(
      `insert into ${table} (${columns})
       select ${columns} from jsonb_populate_recordset(null::${table}, $1::jsonb)`,
      [batch],
    );
    if (size < batchRows) return;
  }
}

/** All but those that number the rows of one shard. */
async function columnsOf(shard: Shard, table: string): Promise<string> {
  const { rows } = await shard.query<{ columns: string }>(
    `select string_agg(quote_ident(attname), ', ' order by attnum) as columns
     from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped
       and attidentity = '' and attgenerated = ''`,
    [table],
  );
  return rows[0]?.columns ?? '';
}

async function clear({ source, target, bucket, epoch }: Step): Promise<void> {
  const { rowCount } = await target.query('select from buckets where bucket = $1 and epoch > $2', [
    bucket,
    epoch,
  ]);
  if (rowCount === 0) return;
  await locked(source, bucket, async (client) => {
    const left = await client.query(
      `select from buckets where bucket = $1 and epoch = $2 and state = 'leaving' for update`,
      [bucket, epoch],
    );
    if (left.rowCount === 0) return;
    await removeRows(client, bucket);
    await client.query('delete from buckets where bucket = $1', [bucket]);
  });
}

/** A transaction that no write of the bucket's hosts is beside. */
async function locked<Result>(
  shard: Shard,
  bucket: number,
  body: (client: ClientBase) => Promise<Result>,
): Promise<Result> {
  return shard.transaction(async (client) => {
    await client.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`);
    await client.query('select pg_advisory_xact_lock($1, $2)', [LOCKS, bucket]);
    return body(client);
  });
}
