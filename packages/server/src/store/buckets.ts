// Which bucket a host is in, and which shard has which bucket.
//
// Buckets are fixed for ever; what changes is their shard. Every shard says itself which buckets it
// has (table `buckets`), so the map is what the shards say together, and nothing has to agree with
// them. While a bucket moves two shards may say that they have it: the higher epoch is right.

import type { Fleet } from '@halflap/client';

export const BUCKETS = 1024;

/** Random bits of the host's id (UUID version 4: its first 48 bits are). */
export function bucketOf(hostId: string): number {
  return Number.parseInt(hostId.slice(0, 8), 16) % BUCKETS;
}

/** One row of `buckets`, with the shard that says so. */
export type BucketRow = {
  readonly shard: string;
  readonly bucket: number;
  readonly state: 'owned' | 'leaving';
  readonly moving_to: string | null;
  readonly epoch: number;
};

export interface BucketMap {
  /** The shard of a bucket; undefined where no shard that answered has it. */
  shardOf(bucket: number): string | undefined;
  readonly rows: readonly BucketRow[];
  /** Shards that did not answer: what they have is known from the map before this one. */
  readonly silent: readonly string[];
}

/** What the shards say; of those that do not answer, what they said in `before`. */
export async function readBuckets(fleet: Fleet, before?: BucketMap): Promise<BucketMap> {
  const { rows, outcomes } = await fleet.gather<BucketRow>(
    'select bucket, state, moving_to, epoch::int from buckets',
    [],
    { shardColumn: 'shard', timeoutMs: ANSWER_MS },
  );
  const silent = outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard);
  const known = before?.rows.filter(({ shard }) => silent.includes(shard)) ?? [];
  return mapOf([...rows, ...known], silent);
}

/** Longest wait for a shard to say what it has. */
export const ANSWER_MS = 5000;

/** The map that rows of all shards make. */
export function mapOf(rows: readonly BucketRow[], silent: readonly string[] = []): BucketMap {
  const best = new Map<number, BucketRow>();
  for (const row of rows) {
    const other = best.get(row.bucket);
    if (other === undefined || row.epoch > other.epoch) best.set(row.bucket, row);
  }
  return { rows, silent, shardOf: (bucket) => best.get(bucket)?.shard };
}
