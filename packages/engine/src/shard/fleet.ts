// Where every shard stands, for people who watch: reads only, takes no lock, never fails for one
// shard.

import { HalflapError, type Phase } from '@halflap/protocol';
import { messageOf, withSession } from '../pg.js';
import { NOTHING, readStatus, type ShardStatus } from './status.js';

/** How to reach a shard, or why nobody can: a secret that is missing, for one. */
export type ShardUrl = string | HalflapError;

/** Never throws for what the shard is or is not; the answer says it. */
export async function readShard(url: ShardUrl): Promise<ShardStatus> {
  if (url instanceof HalflapError) return unreadable(url);
  try {
    return await withSession(url, 'status', readStatus);
  } catch (error) {
    return unreadable(error);
  }
}

/** What is known of a shard that could not be read. */
export function unreadable(error: unknown): ShardStatus {
  const isOurs = error instanceof HalflapError;
  const isReached = isOurs && !['SHARD_UNREACHABLE', 'CONFIG_INVALID'].includes(error.code);
  const hint = isOurs ? (error.hint ?? null) : null;
  return { ...NOTHING, reachable: isReached, error: messageOf(error), hint };
}

/** All shards at once, in the order given. */
export async function readFleet<Shard extends { readonly url: ShardUrl }>(
  shards: readonly Shard[],
): Promise<readonly { readonly shard: Shard; readonly status: ShardStatus }[]> {
  return Promise.all(shards.map(async (shard) => ({ shard, status: await readShard(shard.url) })));
}

/** The phase, or null where it is not known. */
export function phaseOf(status: ShardStatus): Phase | null {
  return status.state?.phase ?? null;
}
