// A session asks the catalog less often than one may think: while its transaction holds the locks
// that a statement needs, it may go by what it knew before. So it can carry on with functions that
// a step has replaced, beside sessions that have the new ones.

import { afterEach, describe, expect, it } from 'vitest';
import { openClient, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { waitsForLock } from './waiting.js';

const FLAT = `create table orders (id int primary key, n int not null default 0,
  scores int[] not null);`;
const ROWS = `create table orders (id int primary key, n int not null default 0);
  create table scores (order_id int references orders (id) on delete cascade, place int,
    score int not null, primary key (order_id, place));`;
const UNNEST = `changes:
  - unnest_column: { table: orders, column: scores, into: scores, value: score, position: place }
`;
const WHOLE = 'create table items (id int primary key, name text, a int, b int);';
const PARTS = `create table items (id int primary key, name text);
  create table counts (item int primary key references items (id) on delete cascade,
    a int, b int);`;
const SPLIT = `changes:
  - split_table: { table: items, into: { items: {}, counts: { key: { item: id } } } }
`;

let shard: Shard;

afterEach(() => shard.drop());

async function expanded(from: string, to: string, evolution: string, rows: string): Promise<void> {
  shard = await installShard(await compilePair(from, to, evolution));
  await withClient(shard.url, null, (client) => client.query(rows));
  await shard.run('prepare');
  await shard.run('expand');
}

/** Runs steps of contract until it has run the named one. */
async function contractTo(step: string): Promise<void> {
  for (let isThere = false; !isThere; ) {
    const tell = (line: string) => {
      isThere ||= line.startsWith(step);
    };
    expect(await shard.step('contract', { tell })).toBe(true);
  }
}

describe('a session that knows the functions as they were', () => {
  it.each([
    {
      of: 'slices',
      fill: () => expanded(FLAT, ROWS, UNNEST, `insert into orders values (1, 0, '{1}')`),
      step: 'contract/quiet/slices',
      holds: 'select from orders where id = 1 for no key update',
      known: 'update orders set n = n + 1 where id = 1',
      others: 'update scores set score = 7 where order_id = 1',
      last: 'select n, score from orders join scores on order_id = id',
      left: { n: '11', score: '7' },
    },
    {
      of: 'parts',
      fill: () => expanded(WHOLE, PARTS, SPLIT, `insert into items values (1, 'one', 0, 0)`),
      step: 'contract/quiet',
      holds: 'select from counts where item = 1 for update',
      known: 'update counts set a = a + 1 where item = 1',
      others: 'update counts set b = 7 where item = 1',
      last: 'select a, b from counts',
      left: { a: '11', b: '7' },
    },
  ])('is not refused what others have not carried: $of', async (one) => {
    await one.fill();
    await contractTo('contract/fence');
    const holder = await openClient(shard.url, NEW_PATH);
    const late = await openClient(shard.url, NEW_PATH);
    for (let count = 0; count < 10; count += 1) await late.query(one.known);
    await holder.query(`begin; ${one.holds}`);
    const outcome = late.query(one.known).then(() => 'done', stateOf);
    await waitsForLock(shard.url, late);
    await contractTo(one.step);
    await holder.query(one.others);
    await holder.query('commit');
    expect(await outcome).toBe('done');
    expect((await late.query(one.last)).rows).toEqual([one.left]);
    for (const client of [holder, late]) await client.end();
    await shard.run('contract');
  });

  it('does not write over what the old release writes once its own has gone', async () => {
    const rows = `insert into items values (1, 'one', 0, 0), (2, 'two', 0, 0)`;
    await expanded(WHOLE, PARTS, SPLIT, rows);
    const holder = await openClient(shard.url, NEW_PATH);
    await holder.query('begin; select from counts where item = 1 for update');
    const writer = await openClient(shard.url, NEW_PATH);
    for (let count = 0; count < 10; count += 1) {
      await writer.query('update counts set a = a + 100 where item = 2');
    }
    // No row: the old table is locked for reading, as it will be, and not for writing.
    await writer.query('begin; update counts set a = a + 100 where item = 0');
    const outcome = writer.query('update counts set a = a + 100 where item = 1').then(
      () => 'done',
      (error) => `${stateOf(error)} ${error.message}`,
    );
    await waitsForLock(shard.url, writer);
    expect(await shard.step('abort')).toBe(true);
    const old = await openClient(shard.url);
    await old.query('update items set a = a + 1 where id = 1');
    await holder.query('commit');
    expect(await outcome).toMatch(/^40001 .* due to the fence of release 2\.0$/);
    const { rows: left } = await old.query('select a from items where id = 1');
    expect(left).toEqual([{ a: '1' }]);
    for (const client of [holder, writer, old]) await client.end();
  });
});
