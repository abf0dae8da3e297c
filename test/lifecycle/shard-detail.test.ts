// What is told of one shard to people who look at it, from prepared to dual.

import { readJournalPage, readShardDetail } from '@halflap/engine';
import { expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';

const FROM = 'create table t (id int primary key, name text not null);';
const TO = 'create table t (id int primary key, name text not null, slug text not null, own text);';
const CHANGES = `changes:
  - add_column: { table: t, column: slug, up: "lower(name)", keep: true }
`;
const TIMEOUT_MS = 5000;

it('a shard tells what is kept beside, how far it is filled, and whether it is equal', async () => {
  const shard = await installShard(await compilePair(FROM, TO, CHANGES));
  const { url, bundle } = shard;
  const asked: string[] = [];
  const look = () =>
    readShardDetail(
      url,
      async (hash) => {
        asked.push(hash);
        return bundle;
      },
      TIMEOUT_MS,
    );
  try {
    await withClient(url, null, (asOld) =>
      asOld.query(`insert into t select i, 'N' || i from generate_series(1, 30) i`),
    );
    expect(await look()).toMatchObject({
      spill: [],
      work: [],
      status: { state: { phase: 'settled' } },
    });
    await shard.run('prepare');
    await withClient(url, NEW_PATH, (asNew) =>
      asNew.query(`update t set slug = 'mine', own = 'its' where id = 1`),
    );
    const prepared = await look();
    expect(prepared.spill).toEqual([
      { table: 'halflap_kept_t_slug', what: 'kept', rows: 1 },
      { table: 't', what: 'columns', rows: 1 },
    ]);
    await shard.run('expand');
    const dual = await look();
    expect(dual.work).toMatchObject([
      { kind: 'backfill', relation: 't', rowsDone: 30, isDone: true },
      { kind: 'verify', relation: 't', rowsDone: 30, differences: 0, isDone: true, evidence: [] },
    ]);
    expect(dual.isVerified).toBe(false);
    await shard.run('verify');
    expect((await look()).isVerified).toBe(true);
    expect(new Set(asked)).toEqual(new Set([bundle.hash]));
    const page = { limit: 2, timeoutMs: TIMEOUT_MS };
    const newest = await readJournalPage(url, { ...page, after: null });
    const next = await readJournalPage(url, { ...page, after: newest.at(-1)?.id ?? null });
    expect([...newest, ...next].map(({ step }) => step)).toEqual([
      ...['verify/verify/t', 'expand/lens', 'expand/switch', 'expand/barrier'],
    ]);
  } finally {
    await shard.drop();
  }
});
