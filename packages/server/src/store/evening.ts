// Which buckets should move where, so that all shards have as many: pure, and as few as can be.

import type { BucketRow } from './buckets.js';

export interface PlannedMove {
  readonly bucket: number;
  readonly from: string;
  readonly to: string;
}

/**
 * Moves under way come first: they have to arrive.
 * @param shards that are to have buckets; those that are not among them give all of theirs away
 */
export function planMoves(rows: readonly BucketRow[], shards: readonly string[]): PlannedMove[] {
  const underWay = rows
    .filter(({ state }) => state === 'leaving')
    .map(({ bucket, shard, moving_to }) => ({ bucket, from: shard, to: moving_to ?? shard }));
  const leaving = new Set(underWay.map(({ bucket }) => bucket));
  const held = new Map<string, number[]>(shards.map((name) => [name, []]));
  for (const { shard, bucket } of rows) {
    if (!leaving.has(bucket)) held.set(shard, [...(held.get(shard) ?? []), bucket]);
  }
  for (const { to, bucket } of underWay) held.set(to, [...(held.get(to) ?? []), bucket]);
  const total = [...held.values()].reduce((sum, buckets) => sum + buckets.length, 0);
  const least = Math.floor(total / shards.length);
  // The first shards have one more where the number does not divide.
  const wanted = (name: string) => {
    const at = shards.indexOf(name);
    return at < 0 ? 0 : least + (at < total % shards.length ? 1 : 0);
  };
  const spare = [...held].flatMap(([from, buckets]) =>
    buckets
      .filter((bucket) => !leaving.has(bucket))
      .slice(0, Math.max(0, buckets.length - wanted(from)))
      .map((bucket) => ({ bucket, from })),
  );
  const room = shards.flatMap((to) =>
    Array.from({ length: Math.max(0, wanted(to) - (held.get(to)?.length ?? 0)) }, () => to),
  );
  const evening = spare
    .slice(0, room.length)
    .map((one, at) => ({ ...one, to: room[at] ?? one.from }));
  return [...underWay, ...evening];
}
