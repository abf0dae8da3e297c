// Puts this release's store on shards that are empty, and gives the first shards their buckets.
//
// Any server may do it, at any time, and several at once: the engine installs a release on a shard
// once; buckets are given out once, under a lock of the home shard. A shard that is added later is
// installed, and gets its buckets when an operator moves some.
//
// A shard that has the store is left as it is, whatever its release and phase: whether it serves
// this server the fleet finds out. While the store goes from one release to the next, nothing is
// installed: one shard at the newer release would keep servers of the older one from going back.

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Fleet } from '@halflap/client';
import { installRelease, readFleet, type ShardState } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import { ANSWER_MS, BUCKETS } from './buckets.js';
import type { Log } from './store.js';

/** What the store is called as an application that uses Halflap. */
export const APP = 'halflap';
/** The release that this code was written against. */
export const RELEASE = '1.0';

const RELEASES = new URL('../../releases/', import.meta.url);

export interface StoreShard {
  readonly name: string;
  readonly url: string;
}

/** The releases of the store, one directory each. */
export function releasesDirectory(): string {
  return fileURLToPath(RELEASES);
}

export interface Installing {
  readonly shards: readonly StoreShard[];
  /** The shard of what belongs to the whole fleet. */
  readonly home: string;
  readonly log: Log;
}

/**
 * Installs the store on shards that are empty. Idempotent. A shard that is away takes away its
 * hosts and nothing else, also when a server starts.
 * @throws what `installShard` does, but for shards that are away
 */
export async function installStore({ shards, home, log }: Installing): Promise<void> {
  const read = await readFleet(shards);
  const atHome = read.find(({ shard }) => shard.name === home)?.status.state ?? null;
  const isUnderWay = atHome !== null && !isSettledHere(atHome);
  const install = async ({ shard, status: { state } }: (typeof read)[number]) => {
    if (state?.app === APP) return;
    if (isUnderWay && state === null) {
      const message = 'not installed while the home shard is not settled at this release';
      log.warn({ shard: shard.name, home, release: RELEASE }, message);
    } else if (await installIfThere(shard, log)) {
      log.info({ shard: shard.name }, 'installed the store');
    }
  };
  await Promise.all(read.map(install));
}

function isSettledHere({ phase, floor }: ShardState): boolean {
  return phase === 'settled' && floor === RELEASE;
}

async function installIfThere(shard: StoreShard, log: Log): Promise<boolean> {
  try {
    return await installShard(shard);
  } catch (error) {
    if (!(error instanceof HalflapError) || error.code !== 'SHARD_UNREACHABLE') throw error;
    log.warn({ shard: shard.name }, error.message);
    return false;
  }
}

/**
 * Installs the store on a shard that is empty. Idempotent.
 * @returns whether the shard was empty.
 * @throws SHARD_UNREACHABLE; SHARD_DRIFTED when the database holds something else.
 */
export async function installShard({ name, url }: StoreShard): Promise<boolean> {
  const directory = new URL(`${RELEASE}/`, RELEASES);
  const [schemaSql, fingerprint] = await Promise.all([
    readFile(new URL('schema.sql', directory), 'utf8'),
    readFile(new URL('fingerprint', directory), 'utf8'),
  ]);
  const release = { version: RELEASE, schemaSql, fingerprint: fingerprint.trim() };
  const { changed } = await installRelease({ url, app: APP, shard: name, release });
  return changed;
}

/**
 * Gives every bucket to a shard, in equal parts, once in the life of a store. That it was done is
 * noted last, on the home shard; whoever was stopped before is followed by one who goes on.
 * @throws STORE_UNAVAILABLE when a shard does not answer: it may have some.
 */
export async function giveOutBuckets(fleet: Fleet, home: string): Promise<void> {
  await fleet.shard(home).transaction(async (client) => {
    await client.query('select pg_advisory_xact_lock($1, $2)', [LOCKS, GIVING_OUT]);
    const done = await client.query('select from buckets_given_out');
    if (done.rowCount !== 0) return;
    const held = await heldElsewhere(fleet, home);
    for (const [at, name] of fleet.names.entries()) {
      const insert = `insert into buckets (bucket, state)
        select b, 'owned' from generate_series($1::int, $2::int - 1, $3::int) as b
        where b <> all($4::int[])
        on conflict do nothing`;
      const values = [at, BUCKETS, fleet.names.length, held];
      // On the home shard within the transaction that has the lock.
      if (name === home) await client.query(insert, values);
      else await fleet.shard(name).query(insert, values);
    }
    await client.query('insert into buckets_given_out default values');
  });
}

/** On the home shard nothing is given out before all of it is. */
async function heldElsewhere(fleet: Fleet, home: string): Promise<number[]> {
  const { rows, outcomes } = await fleet.gather<{ bucket: number }>(
    'select bucket from buckets',
    [],
    { shards: fleet.names.filter((name) => name !== home), timeoutMs: ANSWER_MS },
  );
  const silent = outcomes.filter(({ ok }) => !ok).map(({ shard }) => shard);
  if (silent.length === 0) return rows.map(({ bucket }) => bucket);
  throw new HalflapError(
    'STORE_UNAVAILABLE',
    `shards do not answer, and may have buckets of hosts already: ${silent.join(', ')}`,
    { hint: 'start them, or look with halflap status why they do not serve this release' },
  );
}

/** Advisory locks of the store: a class of its own, beside those of the engine. */
export const LOCKS = 0x68_61_6c_66;
/** Above all buckets, each of which has its lock by its number. */
const GIVING_OUT = BUCKETS;
