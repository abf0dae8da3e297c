// Which hosts are connected, as the store knows it: what agents said since last time is written for
// many of them in one statement.
//
// A row that is not found by its number is another server's by now, or another shard's.

import type { Store } from '../store/store.js';

/** A session that this server believes to have. */
export interface Present {
  readonly host: string;
  readonly fence: number;
}

/** Rows that one statement writes. */
const BATCH = 1000;

/**
 * Renews sessions. @returns those that are not this server's any more; of shards that do not answer
 * none.
 */
export function renewPresence(
  store: Store,
  sessions: readonly Present[],
  leaseSeconds: number,
): Promise<Present[]> {
  return onShards(store, sessions, {
    sql: `update hosts as h
      set last_seen_at = now(), session_expires_at = now() + make_interval(secs => $3)
      from unnest($1::uuid[], $2::bigint[]) as s (id, fence)
      where h.id = s.id and h.fence = s.fence
      returning h.id`,
    values: [leaseSeconds],
  });
}

/** Gives sessions up that have ended. */
export async function endPresence(store: Store, sessions: readonly Present[]): Promise<void> {
  await onShards(store, sessions, {
    sql: `update hosts as h
      set session_expires_at = now()
      from unnest($1::uuid[], $2::bigint[]) as s (id, fence)
      where h.id = s.id and h.fence = s.fence
      returning h.id`,
    values: [],
  });
}

interface Update {
  readonly sql: string;
  readonly values: readonly unknown[];
}

async function onShards(store: Store, sessions: readonly Present[], update: Update) {
  const byShard = new Map<string, Present[]>();
  for (const one of sessions) {
    const name = store.shardNameOf(one.host);
    if (name === undefined) continue;
    byShard.set(name, [...(byShard.get(name) ?? []), one]);
  }
  const missing = await Promise.all(
    [...byShard].map(([shard, present]) => onShard(store, { shard, present, update })),
  );
  return missing.flat();
}

async function onShard(
  store: Store,
  work: { readonly shard: string; readonly present: readonly Present[]; readonly update: Update },
): Promise<Present[]> {
  const { shard, present, update } = work;
  const missing: Present[] = [];
  for (let at = 0; at < present.length; at += BATCH) {
    const batch = present.slice(at, at + BATCH);
    const values = [batch.map(({ host }) => host), batch.map(({ fence }) => fence)];
    try {
      const { rows } = await store.fleet
        .shard(shard)
        .query<{ id: string }>(update.sql, [...values, ...update.values], { timeoutMs: ANSWER_MS });
      const found = new Set(rows.map(({ id }) => id));
      missing.push(...batch.filter(({ host }) => !found.has(host)));
    } catch {
      // It is away: its hosts count as connected until their time is over. The client tells of it.
      break;
    }
  }
  return missing;
}

/** A shard that does not answer for so long is away. */
const ANSWER_MS = 5000;
