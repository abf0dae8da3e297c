// Takes an evolution through its phases, back and to the end, and lets both releases draw from
// their sequences in each: what comes must go on one by one, as if there were one release.

import { expect } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { type Client, openClient, withClient } from '../evolving/databases.js';
import { type Compiled, compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';

export interface DrawnCase {
  readonly from: string;
  readonly to: string;
  readonly evolution: string;
  /** Statements that give what they draw, in order, as `drawn`: each round of each release. */
  readonly old: readonly string[];
  readonly new: readonly string[];
  /** Sequences that are nowhere in the end. */
  readonly gone?: readonly string[];
}

/** All comparisons are by `expect`. */
export async function drawnCase(one: DrawnCase): Promise<void> {
  const compiled = await compilePair(one.from, one.to, one.evolution);
  const shard = await installShard(compiled);
  const [asOld, asNew] = [await openClient(shard.url), await openClient(shard.url, NEW_PATH)];
  const found: Found = { one, values: one.old.map(() => []) };
  try {
    await draw(found, asOld, one.old);
    for (const verb of ['prepare', 'expand', 'abort', 'prepare', 'expand'] as const) {
      await shard.run(verb);
      await draw(found, asOld, one.old);
      if (verb !== 'abort') await draw(found, asNew, one.new);
      await draw(found, asOld, one.old);
    }
    await contract({ shard, compiled, found, asNew });
  } finally {
    await Promise.all([asOld.end(), asNew.end()]);
    await shard.drop();
  }
}

interface Found {
  readonly one: DrawnCase;
  readonly values: readonly number[][];
}

interface Contracting {
  readonly shard: Shard;
  readonly compiled: Compiled;
  readonly found: Found;
  readonly asNew: Client;
}

async function contract({ shard, compiled, found, asNew }: Contracting): Promise<void> {
  const { one } = found;
  do {
    await draw(found, asNew, one.new);
  } while (await shard.step('contract'));
  await draw(found, asNew, one.new);
  await withClient(shard.url, NEW_PATH, (later) => draw(found, later, one.new));
  for (const [index, values] of found.values.entries()) {
    const first = values[0] ?? 0;
    expect(values, one.new[index]).toEqual(values.map((_, at) => first + at));
  }
  expect(await unlikeFresh(shard.url, compiled.bundle)).toEqual([]);
  const left = await asNew.query(
    `select relname from pg_class where relkind = 'S'
    and relname = any ($1)`,
    [one.gone ?? []],
  );
  expect(left.rows).toEqual([]);
}

async function draw({ values }: Found, client: Client, list: readonly string[]): Promise<void> {
  for (const [index, text] of list.entries()) {
    const { rows } = await client.query<{ drawn: string }>(text);
    values[index]?.push(...rows.map(({ drawn }) => Number(drawn)));
  }
}
