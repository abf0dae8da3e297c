// Writers of both releases on tables of the old one that become one, while the shard goes prepare →
// expand → abort → prepare → expand → verify → contract under them.

import { describe, expect, it } from 'vitest';
import { type Client, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { AGAIN, inTransaction, NOT_SERVED, startLoad, type Writer } from './load.js';

const OLD = `create table infos (id int primary key, name text not null,
    a bigint not null default 0);
  create table logins (id int primary key references infos (id) on delete cascade,
    word text not null, b bigint not null default 0, price int not null default 0);`;
const NEW = `create table infos (id int primary key, name text not null,
  a bigint not null default 0, word text, b bigint not null default 0,
  cents bigint not null default 0);`;
const EVOLUTION = `changes:
  - convert_column: { table: logins, column: price, to: cents,
      up: price::bigint * 100, down: (cents / 100)::int }
  - merge_tables: { into: infos, from: { infos: {}, logins: {} } }
`;
const HOT = 5;
const ROWS = 2000;
/** Answers that a client of PostgreSQL repeats, or that say that the release is not served. */
const LIMITED = new Set([...AGAIN, ...NOT_SERVED]);

type Sums = Record<'a' | 'b', Map<number, number>>;

const pick = (turn: number, salt: number) => ((turn * 7919 + salt * 104729) % HOT) + 1;

function writersOf(sums: Sums): Writer[] {
  const add = (which: 'a' | 'b', id: number) => sums[which].set(id, (sums[which].get(id) ?? 0) + 1);
  const counter = (
    release: 'old' | 'new',
    salt: number,
    { text, which }: { readonly text: string; readonly which: 'a' | 'b' },
  ): Writer => ({
    release,
    name: `${release} ${which} ${salt}`,
    work: async (client, turn) => {
      await client.query(text, [pick(turn, salt)]);
    },
    acknowledged: (turn) => add(which, pick(turn, salt)),
  });
  const a = { text: 'update infos set a = a + 1 where id = $1', which: 'a' } as const;
  return [
    counter('old', 1, a),
    counter('old', 2, { text: 'update logins set b = b + 1 where id = $1', which: 'b' }),
    counter('old', 3, {
      text: 'update logins set b = b + 1, price = price + 1 where id = $1',
      which: 'b',
    }),
    counter('new', 4, a),
    counter('new', 5, {
      text: 'update infos set b = b + 1, cents = cents + 100 where id = $1',
      which: 'b',
    }),
    {
      release: 'old',
      name: 'old both',
      work: (client, turn) =>
        inTransaction(client, async () => {
          await client.query(a.text, [pick(turn, 6)]);
          await client.query('update logins set b = b + 1 where id = $1', [pick(turn, 6)]);
        }),
      acknowledged: (turn) => {
        add('a', pick(turn, 6));
        add('b', pick(turn, 6));
      },
    },
    ...comings(),
  ];
}

/** Rows that come and go, in one table or in both. */
function comings(): Writer[] {
  return [
    {
      release: 'old',
      name: 'old rows',
      work: async (client, turn) => {
        const id = 100_000 + turn;
        await client.query(`insert into infos (id, name) values ($1, 'o')`, [id]);
        await client.query(`insert into logins (id, word) values ($1, 'o')`, [id]);
        if (turn % 3 === 1) await client.query('delete from logins where id = $1', [id]);
        if (turn % 3 === 2) await client.query('delete from infos where id = $1', [id]);
      },
    },
    {
      release: 'new',
      name: 'new rows',
      work: async (client, turn) => {
        const id = 200_000 + turn;
        await client.query('delete from infos where id = $1', [id]);
        await client.query(`insert into infos (id, name) values ($1, 'n')`, [id]);
        await client.query(`update infos set word = 'n', b = 7 where id = $1`, [id]);
        if (turn % 3 === 1)
          await client.query(`update infos set word = null, b = 0 where id = $1`, [id]);
        if (turn % 3 === 2) await client.query('delete from infos where id = $1', [id]);
      },
    },
    {
      release: 'old',
      name: 'old late logins',
      work: async (client, turn) => {
        const id = HOT + 1 + (turn % (ROWS - HOT));
        await client.query(
          `insert into logins (id, word) values ($1, $2)
           on conflict (id) do update set word = excluded.word`,
          [id, `late ${turn}`],
        );
      },
    },
  ];
}

const AS_OLD = `select id::text, name, a::text, word, b::text, (cents / 100)::text as price
  from infos order by id`;
const OLD_ROWS = `select id::text, name, a::text, word, coalesce(b, 0)::text as b,
    coalesce(price, 0)::text as price
  from infos i left join logins l using (id) order by i.id`;

async function expectWhole(shard: Shard, sums: Sums, isFenced: boolean): Promise<void> {
  const read = (client: Client, text: string) =>
    client.query(text).then(({ rows }) => rows.map((row) => JSON.stringify(row)).sort());
  const seen = await withClient(shard.url, NEW_PATH, (client) => read(client, AS_OLD));
  if (!isFenced) {
    const old = await withClient(shard.url, null, (client) => read(client, OLD_ROWS));
    expect(seen).toEqual(old);
  }
  const rows = seen.map((one) => JSON.parse(one));
  for (let id = 1; id <= HOT; id += 1) {
    const row = rows.find((one) => one.id === String(id));
    expect({ id, a: row?.a, b: row?.b }).toEqual({
      id,
      a: String(sums.a.get(id) ?? 0),
      b: String(sums.b.get(id) ?? 0),
    });
  }
}

describe('writers of both releases on tables that become one', () => {
  it('lose nothing, and the old release is never refused', async ({ annotate }) => {
    const shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
    await withClient(shard.url, null, (client) =>
      client.query(`insert into infos (id, name) select i, 'i' from generate_series(1, ${ROWS}) i;
        insert into logins (id, word) select i, 'l' from generate_series(1, ${HOT}) i`),
    );
    const sums: Sums = { a: new Map(), b: new Map() };
    const load = startLoad(shard.url, writersOf(sums));
    try {
      await load.turns(15, 'old');
      for (const back of [true, false]) {
        await shard.run('prepare');
        await load.turns(15);
        await shard.run('expand');
        await load.turns(15);
        if (back) await shard.run('abort');
      }
      await shard.run('verify');
    } finally {
      await load.stop();
    }
    const refusals = [...load.account.refusals];
    const { longestMs } = load.account;
    await annotate(JSON.stringify({ longestMs, refusals: Object.fromEntries(refusals) }));
    const isOdd = ([answer]: [string, number]) =>
      answer.startsWith('old') || !LIMITED.has(/ ([0-9A-Z]{5}) /.exec(answer)?.[1] ?? '');
    expect(refusals.filter(isOdd)).toEqual([]);
    await shard.run('verify');
    await expectWhole(shard, sums, false);
    await shard.run('contract');
    await expectWhole(shard, sums, true);
    await shard.drop();
  }, 120_000);
});
