// A settled shard with a session of each release, that of the new one behind a session lens.

import { afterEach, expect } from 'vitest';
import { leftovers } from '../evolving/catalogue.js';
import { type Client, openClient, stateOf } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { lendLens } from '../evolving/session-lens.js';
import { installShard, type Shard } from '../evolving/shard.js';

export interface Sides {
  readonly old: Client;
  readonly new: Client;
  readonly shard: Shard;
}

/** Closed after each test, last first. */
export const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A settled shard of the first schema with rows in it, and a session of each release. */
export async function sides(from: string, to: string, changes: string | null, rows: string) {
  const compiled = await compilePair(from, to, changes);
  const shard = await installShard(compiled);
  closing.push(() => shard.drop());
  // Nothing is added to the shard, not even while sessions have their lenses.
  closing.push(async () => expect(await leftovers(shard.url, shard.bundle)).toEqual([]));
  return sidesOf(shard, rows);
}

export async function sidesOf(
  shard: Shard,
  rows: string,
  oldPath: string | null = null,
): Promise<Sides> {
  const [old, fresh] = [await openClient(shard.url, oldPath), await openClient(shard.url)];
  closing.push(() => Promise.all([old.end(), fresh.end()]));
  await old.query(rows);
  await lendLens(fresh, shard.bundle);
  return { old, new: fresh, shard };
}

export async function lines(client: Client, query: string): Promise<string[]> {
  const { rows } = await client.query<Record<string, string | null>>(query);
  return rows.map((row) => Object.values(row).join('|'));
}

/** SQLSTATE and constraint or message of the refusal. */
export async function refusal(client: Client, statement: string): Promise<string> {
  return client.query(statement).then(
    () => 'carried out',
    (error: Error & { detail?: string }) => `${stateOf(error)} ${error.message}`,
  );
}
