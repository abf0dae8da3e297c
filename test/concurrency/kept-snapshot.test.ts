// Transactions of the new release that keep their snapshot, while a row comes beside theirs that
// the snapshot does not show: in tables of the old release a row of its own, which locks nothing of
// theirs; in those of the new one the same row. What they cannot write they are to run again
// (40001), whatever the phase; what nobody can hold stays refused (HL001).

import { afterEach, expect, it } from 'vitest';
import { type Client, openClient, stateOf, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { CASES as SLICE_CASES } from './slice-cases.js';
import { waitsForLock } from './waiting.js';

interface SnapshotCase {
  readonly from: string;
  readonly to: string;
  readonly evolution: string;
  readonly seed: string;
  /** The old release takes the row beside row 1 away, and makes it. */
  readonly goes: string;
  readonly comes: string;
  /** The new release adds to a counter of row 1. */
  readonly add: string;
  /** The new release writes into row 1 what the old one cannot hold. */
  readonly impossible: string;
  /** The old release holds row 1 and changes nothing. */
  readonly hold: string;
  readonly counted: { readonly old: string; readonly new: string };
}

const CASES: Readonly<Record<string, SnapshotCase>> = {
  slices: {
    ...SLICE_CASES.nest,
    seed: `insert into orders values (1, 'o'); insert into scores values (1, 1, 0)`,
    goes: 'delete from tags',
    comes: `insert into tags values (1, 'tag')`,
    add: 'update orders set scores[1] = scores[1] + 1 where id = 1',
    impossible: `update orders set tags = '{b,a}' where id = 1`,
    hold: 'select from scores where order_id = 1 for update',
    counted: {
      old: 'select score as n from scores where order_id = 1',
      new: 'select scores[1] as n from orders where id = 1',
    },
  },
  'merged tables': {
    from: `create table people (id int primary key, n int not null default 0);
      create table logins (id int primary key references people (id) on delete cascade,
        username text not null, locked bool not null);`,
    to: `create table people (id int primary key, n int not null default 0,
      username text, locked bool not null);`,
    evolution: `changes:
  - merge_tables: { into: people, from: { people: {}, logins: { otherwise: { locked: false } } } }
`,
    seed: 'insert into people values (1)',
    goes: 'delete from logins',
    comes: `insert into logins values (1, 'login', false)`,
    add: 'update people set n = n + 1 where id = 1',
    impossible: 'update people set username = null, locked = true where id = 1',
    hold: 'select from people where id = 1 for update',
    counted: {
      old: 'select n from people where id = 1',
      new: 'select n from people where id = 1',
    },
  },
};

let shard: Shard;
let clients: Client[] = [];

afterEach(async () => {
  for (const client of clients) await client.end();
  clients = [];
  await shard.drop();
});

async function session(release: 'old' | 'new'): Promise<Client> {
  const client = await openClient(shard.url, release === 'new' ? NEW_PATH : null);
  clients.push(client);
  return client;
}

/** Runs steps of expand until it has run the named one. */
async function expandTo(step: string): Promise<void> {
  for (let isThere = false; !isThere; ) {
    const tell = (line: string) => {
      isThere ||= line.startsWith(step);
    };
    expect(await shard.step('expand', { tell })).toBe(true);
  }
}

/** The new release's session, beside one of the old that makes rows. */
async function story(one: SnapshotCase) {
  const [old, late] = [await session('old'), await session('new')];
  let added = 0;
  const begin = async () => {
    await late.query('begin isolation level repeatable read');
    await late.query(one.counted.new);
  };
  const end = async (text: string) => {
    const answer = await late.query(text).then(() => 'done', stateOf);
    await late.query(answer === 'done' ? 'commit' : 'rollback');
    if (answer === 'done') added += 1;
    return answer;
  };
  /** With a snapshot that is older than a row. */
  const beginLate = async () => {
    await old.query(one.goes);
    await begin();
    await old.query(one.comes);
  };
  /** Whoever runs the transaction again is done; nothing is lost, and nothing left behind. */
  const isExact = async () => {
    await begin();
    expect(await end(one.impossible)).toBe('HL001');
    await begin();
    expect(await end(one.add)).toBe('done');
    expect((await old.query(one.counted.old)).rows).toEqual([{ n: String(added) }]);
    expect((await late.query(one.counted.new)).rows).toEqual([{ n: String(added) }]);
    expect((await old.query('select key from halflap.quarantine')).rows).toEqual([]);
  };
  return { late, beginLate, add: () => end(one.add), isExact };
}

it.each(Object.entries(CASES))(
  'a kept snapshot that is too old is answered 40001 in every phase: %s',
  async (_, one) => {
    shard = await installShard(await compilePair(one.from, one.to, one.evolution));
    await withClient(shard.url, null, (client) => client.query(one.seed));
    const { late, beginLate, add, isExact } = await story(one);

    await shard.run('prepare');
    await beginLate();
    expect(await add(), 'the tables of the old release alone: no row is newer').toBe('done');
    await isExact();

    await expandTo('expand/barrier');
    await beginLate();
    expect(await add(), 'the new tables are filled').toBe('40001');
    await isExact();

    const holder = await session('old');
    await beginLate();
    await holder.query(`begin; ${one.hold}`);
    const underWay = add();
    await waitsForLock(shard.url, late);
    await expandTo('expand/switch');
    await holder.query('commit');
    expect(await underWay, 'under way at the switch').toBe('40001');
    await isExact();

    await shard.run('expand');
    await beginLate();
    expect(await add(), 'dual').toBe('40001');
    await isExact();
    await shard.run('verify');
  },
  30_000,
);
