// The two writers of one row, step by step: the old release holds the old row and wants the new
// one, the new release holds the new row and wants the old one. The old release goes first, always.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, openClient, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { waitsForLock } from './waiting.js';

const OLD = `create table items (id int primary key, name text not null, a int not null default 0,
  b int not null default 0, note text);`;
const NEW = `create table items (id int primary key, name text not null);
  create table counts (item int primary key references items (id) on delete cascade,
    a int not null default 0, b int not null default 0);
  create table notes (item int primary key references items (id) on delete cascade,
    note text not null);`;
const EVOLUTION = `changes:
  - split_table:
      table: items
      into:
        items: {}
        counts: { key: { item: id } }
        notes: { key: { item: id }, when: note is not null }
`;

let shard: Shard;
let old: Client;
let other: Client;
let fresh: Client;

beforeAll(async () => {
  shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
  await withClient(shard.url, null, (client) =>
    client.query(
      "insert into items (id, name) select i, 'item ' || i from generate_series(1, 50) i",
    ),
  );
  await shard.run('prepare');
  await shard.run('expand');
});

afterAll(() => shard.drop());

beforeEach(async () => {
  [old, other] = [await openClient(shard.url), await openClient(shard.url)];
  fresh = await openClient(shard.url, NEW_PATH);
  // A promise that is broken ends as an error and not as a test that never ends.
  for (const client of [old, other, fresh]) await client.query("set statement_timeout = '5s'");
});

afterEach(() => Promise.all([old, other, fresh].map((client) => client.end())));

async function sums(id: number) {
  const one = await old.query(`select a::int, b::int, note from items where id = ${id}`);
  const two = await fresh.query(
    `select a::int, b::int, note from items join counts on counts.item = id
     left join notes on notes.item = id where id = ${id}`,
  );
  return [one.rows[0], two.rows[0]];
}

/** Whether the statement of the new release went on; otherwise it was asked to come again. */
async function passed(later: Promise<string>): Promise<boolean> {
  const outcome = await later;
  expect(['', '40001', '40P01']).toContain(outcome);
  return outcome === '';
}

describe('the old release, holding a row that a writer of the new release waits for', () => {
  it('finishes its statement while the other waits, and neither increment is lost', async () => {
    await old.query('begin');
    await old.query('select from items where id = 1 for update');
    const later = fresh.query('update counts set a = a + 1 where item = 1').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await old.query('update items set a = a + 1 where id = 1');
    await old.query('commit');
    const row = { a: (await passed(later)) ? '2' : '1', b: '0', note: null };
    expect(await sums(1)).toEqual([row, row]);
  });

  it('keeps what both wrote into different columns', async () => {
    await old.query('begin');
    await old.query('select from items where id = 2 for update');
    const later = fresh.query('update counts set a = a + 1 where item = 2').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await old.query("update items set b = 5, note = 'old' where id = 2");
    await old.query('commit');
    const row = { a: (await passed(later)) ? '1' : '0', b: '5', note: 'old' };
    expect(await sums(2)).toEqual([row, row]);
  });

  it('may do so again and again in one transaction', async () => {
    await old.query('begin');
    await old.query('select from items where id = 3 for update');
    const later = fresh.query('update counts set b = b + 1 where item = 3').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    for (let n = 0; n < 3; n += 1) await old.query('update items set a = a + 1 where id = 3');
    await old.query('commit');
    const row = { a: '3', b: (await passed(later)) ? '1' : '0', note: null };
    expect(await sums(3)).toEqual([row, row]);
  });

  it('may delete the row', async () => {
    await old.query('begin');
    await old.query('select from items where id = 4 for update');
    const later = fresh.query('update counts set b = b + 1 where item = 4').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await old.query('delete from items where id = 4');
    await old.query('commit');
    expect(await passed(later)).toBe(false);
    expect(await sums(4)).toEqual([undefined, undefined]);
  });

  it('may roll back, and the other goes on', async () => {
    await old.query('begin');
    await old.query('select from items where id = 5 for update');
    const later = fresh.query('update counts set b = b + 1 where item = 5').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await old.query('update items set a = 9 where id = 5');
    await old.query('rollback');
    const row = { a: '0', b: (await passed(later)) ? '1' : '0', note: null };
    expect(await sums(5)).toEqual([row, row]);
  });

  it('leaves nothing behind when the other fails', async () => {
    await old.query('begin');
    await old.query('select from items where id = 6 for update');
    await fresh.query('begin');
    const later = fresh.query('update counts set b = b + 1 where item = 6').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await old.query('update items set a = 7 where id = 6');
    await old.query('commit');
    await passed(later);
    await fresh.query('rollback');
    const row = { a: '7', b: '0', note: null };
    expect(await sums(6)).toEqual([row, row]);
  });

  it('may change many rows that others wait for', async () => {
    await old.query('begin');
    await old.query('select from items where id between 10 and 12 for update');
    const waiting: Promise<boolean>[] = [];
    for (const id of [10, 11, 12]) {
      const client = await openClient(shard.url, NEW_PATH);
      const result = client.query(`update counts set a = a + 1 where item = ${id}`);
      waiting.push(passed(result.then(() => '', stateOf)).finally(() => client.end()));
      await waitsForLock(shard.url, client);
    }
    await old.query('update items set b = b + 1 where id between 8 and 15');
    await old.query('commit');
    for (const [index, hasPassed] of (await Promise.all(waiting)).entries()) {
      const id = 10 + index;
      const row = { a: hasPassed ? '1' : '0', b: '1', note: null };
      expect(await sums(id)).toEqual([row, row]);
    }
    const row = { a: '0', b: '1', note: null };
    expect(await sums(8)).toEqual([row, row]);
  });
});

describe('the old release, meeting a new row that somebody holds', () => {
  it('goes on as soon as the holder wants the old row', async () => {
    await fresh.query('begin');
    await fresh.query('select from counts where item = 20 for update');
    const later = old.query('update items set a = a + 1 where id = 20');
    await waitsForLock(shard.url, old);
    const mine = fresh.query('update counts set a = a + 1 where item = 20').then(() => '', stateOf);
    const hasPassed = await passed(mine);
    // A transaction that was answered 40001 holds its rows until the application gives it up.
    await fresh.query(hasPassed ? 'commit' : 'rollback');
    await later;
    const row = { a: hasPassed ? '2' : '1', b: '0', note: null };
    expect(await sums(20)).toEqual([row, row]);
  });

  it('waits for a holder who does not, and nothing is lost', async () => {
    await fresh.query('begin');
    await fresh.query('select from counts where item = 21 for update');
    const later = old.query('update items set a = a + 1 where id = 21');
    await waitsForLock(shard.url, old);
    await fresh.query('commit');
    await later;
    const row = { a: '1', b: '0', note: null };
    expect(await sums(21)).toEqual([row, row]);
  });

  it('inserts a part row that the new release is inserting', async () => {
    await fresh.query('begin');
    await fresh.query('select from items where id = 22 for key share');
    await other.query('begin');
    await other.query('select from items where id = 22 for update');
    const later = fresh.query("insert into notes values (22, 'new')").then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await other.query("update items set note = 'old' where id = 22");
    await other.query('commit');
    const outcome = await later;
    expect(['', '23505', '40001', '40P01']).toContain(outcome);
    await fresh.query(outcome === '' ? 'commit' : 'rollback');
    const note = outcome === '' ? 'new' : 'old';
    const row = { a: '0', b: '0', note };
    expect(await sums(22)).toEqual([row, row]);
  });

  it('is let through by a transaction that holds others and wants this one', async () => {
    await old.query('begin');
    await old.query('update items set a = a + 1 where id = 31');
    await fresh.query('begin');
    await fresh.query('update counts set a = a + 1 where item = 30');
    const mine = fresh.query('update counts set a = a + 1 where item = 31').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    const later = old.query('update items set a = a + 1 where id = 30');
    expect(await passed(mine)).toBe(false);
    await fresh.query('rollback');
    await later;
    await old.query('commit');
    const row = { a: '1', b: '0', note: null };
    expect([await sums(30), await sums(31)]).toEqual([
      [row, row],
      [row, row],
    ]);
  });

  it('is let through by a statement that has some of its rows and waits for others', async () => {
    await old.query('begin');
    await old.query('select from items where id = 40 for update');
    const mine = fresh
      .query('update counts set b = b + 1 where item between 40 and 44')
      .then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await old.query('update items set a = a + 1 where id between 40 and 44');
    await old.query('commit');
    const b = (await passed(mine)) ? '1' : '0';
    for (const id of [40, 42, 44]) {
      const row = { a: '1', b, note: null };
      expect(await sums(id)).toEqual([row, row]);
    }
  });
});
