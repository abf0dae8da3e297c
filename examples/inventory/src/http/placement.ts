// On which shard a host lives: a rule of the data, the same in every release.
//
// FNV-1a over the name, modulo the shards in order of their names.

export function placementOf(hostName: string, shards: readonly string[]): string {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(hostName)) {
    hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  }
  const sorted = [...shards].sort();
  const shard = sorted[hash % sorted.length];
  if (shard === undefined) throw new TypeError('no shards to place a host on');
  return shard;
}
