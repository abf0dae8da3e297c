// Writers of the old release on tables that become one: they meet at the new row, which neither
// knows of. They take turns, and none of them fails.

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, openClient, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { waitsForLock } from './waiting.js';

const OLD = `create table infos (id int primary key, name text not null, v int not null default 0);
  create table logins (id int primary key references infos (id) on delete cascade,
    word text not null, w int not null default 0);`;
const NEW = `create table infos (id int primary key, name text not null, v int not null default 0,
  word text, w int not null default 0);`;
const EVOLUTION = 'changes: [merge_tables: { into: infos, from: { infos: {}, logins: {} } }]';

let shard: Shard;
let one: Client;
let two: Client;
let fresh: Client;

beforeAll(async () => {
  shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
  await withClient(shard.url, null, (client) =>
    client.query(`insert into infos (id, name) select i, 'info ' || i from generate_series(1, 9) i;
      insert into logins (id, word) select i, 'login ' || i from generate_series(1, 9) i`),
  );
  await shard.run('prepare');
  await shard.run('expand');
});

afterAll(() => shard.drop());

beforeEach(async () => {
  [one, two] = [await openClient(shard.url), await openClient(shard.url)];
  fresh = await openClient(shard.url, NEW_PATH);
  // A promise that is broken ends as an error and not as a test that never ends.
  for (const client of [one, two, fresh]) await client.query("set statement_timeout = '8s'");
});

afterEach(() => Promise.all([one, two, fresh].map((client) => client.end())));

async function row(id: number) {
  const { rows } = await fresh.query(`select v::int, w::int from infos where id = ${id}`);
  const old = await one.query(
    `select v::int, w::int from infos join logins using (id) where id = ${id}`,
  );
  return { new: rows[0], old: old.rows[0] };
}

const quarantined = async () =>
  (await one.query('select key, sqlstate from halflap.quarantine')).rows;

describe('a writer of the old release on a table that becomes a part of another', () => {
  it('waits for a writer of the other table, and both values are there', async () => {
    await one.query('begin; update infos set v = v + 1 where id = 1');
    const second = two.query('update logins set w = w + 1 where id = 1');
    await waitsForLock(shard.url, two);
    await one.query('commit');
    await second;
    expect(await row(1)).toEqual({ new: { v: '1', w: '1' }, old: { v: '1', w: '1' } });
    expect(await quarantined()).toEqual([]);
  });

  it('lets go where the other waits for it, which carries both', async () => {
    await one.query('begin; update infos set v = v + 1 where id = 2');
    await two.query('begin');
    const second = two.query('update logins set w = w + 1 where id = 2');
    await waitsForLock(shard.url, two);
    const first = one.query('update logins set w = w + 10 where id = 2');
    await second;
    await two.query('commit');
    await first;
    await one.query('commit');
    expect(await row(2)).toEqual({ new: { v: '1', w: '11' }, old: { v: '1', w: '11' } });
    expect(await quarantined()).toEqual([]);
  });

  it('is carried by verify where the other writes it no more', async () => {
    await one.query('begin; update infos set v = v + 1 where id = 3');
    await two.query('begin');
    const second = two.query('update logins set w = w + 1 where id = 3');
    await waitsForLock(shard.url, two);
    const first = one.query('select from logins where id = 3 for update');
    await second;
    await two.query('commit');
    await first;
    await one.query('commit');
    expect(await quarantined()).toEqual([{ key: '{"id": 3}', sqlstate: '55P03' }]);
    await shard.run('verify');
    expect(await quarantined()).toEqual([]);
    expect(await row(3)).toEqual({ new: { v: '1', w: '1' }, old: { v: '1', w: '1' } });
  });

  it('lets go where each of two looks for what the other has', async () => {
    await one.query('begin; update infos set v = v + 1 where id = 7');
    await two.query('begin; update infos set v = v + 1 where id = 8');
    const first = one.query('update logins set w = w + 1 where id = 8');
    const second = two.query('update logins set w = w + 1 where id = 7');
    await Promise.race([first, second]);
    await Promise.all([
      first.then(() => one.query('commit')),
      second.then(() => two.query('commit')),
    ]);
    await shard.run('verify');
    expect(await quarantined()).toEqual([]);
    for (const id of [7, 8]) {
      expect(await row(id)).toEqual({ new: { v: '1', w: '1' }, old: { v: '1', w: '1' } });
    }
  });

  it('is let through by a writer of the new release', async () => {
    await fresh.query('begin; update infos set v = v + 100 where id = 4');
    const second = two.query('update logins set w = w + 1 where id = 4');
    await waitsForLock(shard.url, two);
    await fresh.query('commit');
    await second;
    expect(await row(4)).toEqual({ new: { v: '100', w: '1' }, old: { v: '100', w: '1' } });
  });

  it('is not stopped by a writer of the new release that wants its row', async () => {
    await two.query('begin; update logins set w = w + 1 where id = 5');
    await fresh.query('begin; update infos set v = v + 100 where id = 6');
    const third = fresh.query('update infos set w = w + 100 where id = 5').then(() => '', stateOf);
    await waitsForLock(shard.url, fresh);
    await two.query('update infos set v = v + 1 where id = 6');
    await two.query('commit');
    expect(['', '40001', '40P01']).toContain(await third);
    await fresh.query('rollback');
    expect(await row(5)).toEqual({ new: { v: '0', w: '1' }, old: { v: '0', w: '1' } });
    expect(await row(6)).toEqual({ new: { v: '1', w: '0' }, old: { v: '1', w: '0' } });
  });
});
