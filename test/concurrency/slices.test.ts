// Writers of both releases on the same slices of many rows, while the shard goes prepare → expand →
// abort → prepare → expand → verify → contract under them. Each writer is a session of its own.

import { describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { isDue } from '../setup/due.js';
import { Account } from './account.js';
import { AGAIN, type Load, NOT_SERVED, startLoad } from './load.js';
import { CASES, SLICES, type SliceCase } from './slice-cases.js';

const TURNS = 8;

async function held(shard: Shard, release: 'old' | 'new', text: string): Promise<string[]> {
  const path = release === 'new' ? NEW_PATH : null;
  const { rows } = await withClient(shard.url, path, (client) =>
    client.query<{ key: string; value: string }>(text),
  );
  return rows
    .filter(({ value }) => value !== '0')
    .map(({ key, value }) => `${key} ${value}`)
    .sort();
}

async function course(shard: Shard, load: Load): Promise<void> {
  await load.turns(TURNS, 'old');
  for (const back of [true, false]) {
    await shard.run('prepare');
    await load.turns(TURNS);
    await shard.run('expand');
    await load.turns(TURNS);
    if (!back) break;
    await shard.run('abort');
    await load.turns(TURNS, 'old');
  }
  await shard.run('verify');
}

function expectOnly({ account }: Load): void {
  const refusals = [...account.refusals];
  const isOld = ([answer]: [string, number]) => answer.startsWith('old');
  expect(refusals.filter(isOld), 'the old release is refused nothing').toEqual([]);
  const passes = new Set([...AGAIN, ...NOT_SERVED]);
  const isOdd = ([answer]: [string, number]) =>
    !passes.has(/ ([0-9A-Z]{5}) /.exec(answer)?.[1] ?? '');
  expect(refusals.filter(isOdd), 'the new release is refused only what passes').toEqual([]);
}

async function underLoad(one: SliceCase, tell: (line: string) => Promise<unknown>) {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
  await tell(`SEED=${seed}`);
  const account = new Account(seed);
  const shard = await installShard(await compilePair(one.from, one.to, one.evolution));
  await withClient(shard.url, null, (client) => client.query(one.seed(SLICES)));
  const load = startLoad(shard.url, one.writers(account));
  try {
    await course(shard, load);
  } finally {
    await load.stop();
    const { turns, longestMs, refusals, retries } = load.account;
    const all = [turns, refusals, retries].map((map) => Object.fromEntries(map));
    await tell(JSON.stringify([longestMs, ...all], null, 1));
  }
  await shard.run('verify');
  const wanted = account.lines();
  expect.soft(await held(shard, 'old', one.held.old), 'the old release').toEqual(wanted);
  expect.soft(await held(shard, 'new', one.held.new), 'the new release').toEqual(wanted);
  expectOnly(load);
  // Of the old release nobody is left.
  account.turnsBefore = 300_000;
  const rest = startLoad(
    shard.url,
    one.writers(account).filter(({ release }) => release === 'new'),
  );
  try {
    await shard.run('contract');
  } finally {
    await rest.stop();
  }
  expectOnly(rest);
  wanted.splice(0, wanted.length, ...account.lines());
  expect(await held(shard, 'new', one.held.new), 'after contract').toEqual(wanted);
  await shard.drop();
}

describe('writers of both releases on the same slices, through every phase', () => {
  for (const [called, one] of Object.entries(CASES)) {
    it.skipIf(!isDue(called))(
      `lose nothing, and the old release is never refused: ${called}`,
      { timeout: 180_000 },
      ({ annotate }) => underLoad(one, annotate),
    );
  }
});
