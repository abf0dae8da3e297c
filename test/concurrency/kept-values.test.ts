// Values that are kept (`keep`), under writers of both releases on the same few rows: what the new
// release has added is there, as long as the old one writes nothing from which something else
// follows; and both layouts agree about the others.

import { expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { AGAIN, NOT_SERVED, startLoad, type Writer } from './load.js';

const OLD = 'create table t (id int primary key, name text not null, n int not null default 0);';
const NEW = `create table t (id int primary key, name text not null, n int not null default 0,
  rank int not null);`;
const EVOLUTION = `changes:
  - add_column: { table: t, column: rank, up: length(name), keep: true }
`;

/** Rows whose rank is only added to, and rows whose rank comes to its end again and again. */
const [ADDED, ENDED] = [4, 4];
const ROWS = 1500;
const LIMITED = new Set([...AGAIN, ...NOT_SERVED]);

const added = (turn: number, salt: number) => ((turn * 7919 + salt) % ADDED) + 1;
const ended = (turn: number, salt: number) => ((turn * 7919 + salt) % ENDED) + 1 + ADDED;

function writers(sums: Map<number, number>): Writer[] {
  const writer = (
    name: string,
    release: 'old' | 'new',
    text: string,
    row: (turn: number) => number,
  ): Writer => ({
    name,
    release,
    work: async (client, turn) => {
      await client.query(text, [row(turn)]);
    },
  });
  const adder = (salt: number): Writer => ({
    ...writer(`new adds ${salt}`, 'new', 'update t set rank = rank + 1 where id = $1', (turn) =>
      added(turn, salt),
    ),
    acknowledged: (turn) => {
      const id = added(turn, salt);
      sums.set(id, (sums.get(id) ?? 0) + 1);
    },
  });
  const same = (turn: number) => added(turn, 3);
  const other = (turn: number) => ended(turn, 4);
  return [
    adder(1),
    adder(2),
    writer('old counts', 'old', 'update t set n = n + 1 where id = $1', same),
    writer('old turns', 'old', 'update t set name = reverse(name) where id = $1', same),
    writer('new turns', 'new', 'update t set name = reverse(name), n = n where id = $1', same),
    writer('old ends', 'old', `update t set name = name || 'x' where id = $1`, other),
    writer('new begins', 'new', 'update t set rank = rank - 1 where id = $1', other),
    writer('new counts', 'new', 'update t set n = n + 1 where id = $1', other),
  ];
}

it('lose nothing of what is kept, and keep nothing that has ended', async ({ annotate }) => {
  const shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
  await withClient(shard.url, null, (client) =>
    client.query(`insert into t (id, name) select i, 'ab' from generate_series(1, ${ROWS}) as i`),
  );
  const sums = new Map<number, number>();
  const load = startLoad(shard.url, writers(sums));
  try {
    await load.turns(10, 'old');
    await shard.run('prepare');
    await load.turns(20);
    await shard.run('expand');
    await load.turns(20);
    await shard.run('verify');
  } finally {
    await load.stop();
  }
  const refusals = [...load.account.refusals];
  await annotate(JSON.stringify({ turns: [...load.account.turns], refusals }));
  const isAllowed = ([answer]: [string, number]) =>
    answer.startsWith('new ') && LIMITED.has(/ ([0-9A-Z]{5}) /.exec(answer)?.[1] ?? '');
  expect(refusals.filter((one) => !isAllowed(one))).toEqual([]);
  const read = () =>
    withClient(shard.url, NEW_PATH, async (client) => {
      const { rows } = await client.query<{ id: string; rank: string }>(
        `select id, rank - length(name) as rank from t where id <= ${ADDED} order by id`,
      );
      return new Map(rows.map(({ id, rank }) => [Number(id), Number(rank)]));
    });
  const wanted = new Map([...sums].sort(([one], [other]) => one - other));
  expect(await read()).toEqual(wanted);
  await shard.run('verify');
  await shard.run('contract');
  expect(await read()).toEqual(wanted);
  await shard.drop();
});
