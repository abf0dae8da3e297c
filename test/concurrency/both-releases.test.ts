// Writers of both releases on the same few rows, while the shard goes prepare → expand → abort →
// prepare → expand → verify → contract under them. Each writes at every level of isolation in turn.

import { describe, expect, it } from 'vitest';
import { type Client, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH, type Shard } from '../evolving/shard.js';
import { AGAIN, inTransaction, type Load, NOT_SERVED, startLoad, type Writer } from './load.js';

const OLD = `create table items (
  id int primary key, name text not null, a bigint not null default 0, b bigint not null default 0,
  price int not null default 0, tags text[] not null default '{}', note text,
  log text not null default '', marks jsonb not null default '[]');`;
const NEW = `create table items (id int primary key, title text not null);
  create table counts (item int primary key references items (id) on delete cascade,
    a bigint not null default 0, b bigint not null default 0);
  create table labels (item int primary key references items (id) on delete cascade,
    cents bigint not null default 0, tags text[] not null default '{}',
    log text not null default '', marks jsonb not null default '[]');
  create table notes (item int primary key references items (id) on delete cascade,
    note text not null);`;
const EVOLUTION = `changes:
  - rename_column: { table: items, column: name, to: title }
  - convert_column:
      table: items
      columns: [price]
      to: [cents]
      up: { cents: "price::bigint * 100" }
      down: { price: "(cents / 100)::int" }
  - split_table:
      table: items
      into:
        items: {}
        counts: { key: { item: id } }
        labels: { key: { item: id } }
        notes: { key: { item: id }, when: note is not null }
`;

/** Rows that everybody fights for. */
const HOT = 6;
const ROWS = 3000;
const LIMITED = new Set([...AGAIN, ...NOT_SERVED]);

const LEVELS = ['read committed', 'repeatable read', 'serializable'];

interface Sums {
  readonly a: Map<number, number>;
  readonly b: Map<number, number>;
  readonly price: Map<number, number>;
  /** What was appended: to a set, to a text and to JSON alike. */
  readonly tags: Map<number, string[]>;
}

function pick(turn: number, salt: number): number {
  return ((turn * 7919 + salt * 104729) % HOT) + 1;
}

function add(map: Map<number, number>, id: number, by = 1): void {
  map.set(id, (map.get(id) ?? 0) + by);
}

function tag(sums: Sums, id: number, one: string): void {
  sums.tags.set(id, [...(sums.tags.get(id) ?? []), one]);
}

const APPENDED = `tags = tags || $2::text, log = log || $2::text || ';',
  marks = marks || to_jsonb($2::text)`;

/** One row at a time: no two of these can lock each other out in a database of one release. */
function singles(sums: Sums): Writer[] {
  const oldCounter = (salt: number): Writer => ({
    release: 'old',
    name: `old counter ${salt}`,
    work: async (client, turn) => {
      await client.query('update items set a = a + 1 where id = $1', [pick(turn, salt)]);
    },
    acknowledged: (turn) => add(sums.a, pick(turn, salt)),
  });
  const newCounter = (salt: number): Writer => ({
    release: 'new',
    name: `new counter ${salt}`,
    work: async (client, turn) => {
      await client.query('update counts set a = a + 1 where item = $1', [pick(turn, salt)]);
    },
    acknowledged: (turn) => add(sums.a, pick(turn, salt)),
  });
  return [
    oldCounter(1),
    oldCounter(2),
    newCounter(3),
    newCounter(4),
    {
      release: 'old',
      name: 'old tags',
      work: async (client, turn) => {
        await client.query(`update items set ${APPENDED}, price = price + 1 where id = $1`, [
          pick(turn, 5),
          `old ${turn}`,
        ]);
      },
      acknowledged: (turn) => {
        tag(sums, pick(turn, 5), `old ${turn}`);
        add(sums.price, pick(turn, 5));
      },
    },
    {
      release: 'new',
      name: 'new tags',
      work: async (client, turn) => {
        await client.query(`update labels set ${APPENDED}, cents = cents + 200 where item = $1`, [
          pick(turn, 6),
          `new ${turn}`,
        ]);
      },
      acknowledged: (turn) => {
        tag(sums, pick(turn, 6), `new ${turn}`);
        add(sums.price, pick(turn, 6), 2);
      },
    },
  ];
}

/** Rows of a part, and whole rows, that come and go. */
function comings(): Writer[] {
  return [
    {
      release: 'old',
      name: 'old notes',
      work: async (client, turn) => {
        const note = turn % 3 === 0 ? null : `old ${turn}`;
        await client.query('update items set note = $2 where id = $1', [pick(turn, 7), note]);
      },
    },
    {
      release: 'new',
      name: 'new notes',
      work: async (client, turn) => {
        const id = pick(turn, 8);
        if (turn % 3 === 0) await client.query('delete from notes where item = $1', [id]);
        else if (turn % 3 === 1) {
          await client.query('update notes set note = $2 where item = $1', [id, `new ${turn}`]);
        } else await insertNote(client, id, `new ${turn}`);
      },
    },
    {
      release: 'old',
      name: 'old rows',
      work: async (client, turn) => {
        const id = 100_000 + turn;
        await client.query('delete from items where id = $1', [id]);
        await client.query('insert into items (id, name, note) values ($1, $2, $2)', [
          id,
          `o${id}`,
        ]);
        await client.query('update items set a = 1 where id = $1', [id]);
        if (turn % 2) await client.query('delete from items where id = $1', [id]);
      },
    },
    {
      release: 'new',
      name: 'new rows',
      work: async (client, turn) => {
        const id = 200_000 + turn;
        await client.query('delete from items where id = $1', [id]);
        await client.query('insert into items (id, title) values ($1, $2)', [id, `n${id}`]);
        await client.query('update items set title = title || 1 where id = $1', [id]);
        if (turn % 2) await client.query('delete from items where id = $1', [id]);
      },
    },
  ];
}

/** Somebody else's note is there already: an answer that any database gives. */
async function insertNote(client: Client, id: number, note: string): Promise<void> {
  await client.query('insert into notes values ($1, $2)', [id, note]).catch((error) => {
    if ((error as { code?: string }).code !== '23505') throw error;
  });
}

/** Locks in the order of keys, so that two such statements cannot lock each other out anywhere. */
function inOrder(table: string, key: string): string {
  return `update ${table} as t set b = b + 1
    from (select ${key} from ${table} where ${key} <= $1 order by ${key} for update) as l
    where t.${key} = l.${key}`;
}

function bulk(sums: Sums): Writer[] {
  const all = (map: Map<number, number>) => {
    for (let id = 1; id <= HOT; id += 1) add(map, id);
  };
  return [
    {
      release: 'old',
      name: 'old bulk',
      work: async (client) => {
        await client.query(inOrder('items', 'id'), [HOT * 20]);
      },
      acknowledged: () => all(sums.b),
    },
    {
      release: 'new',
      name: 'new bulk',
      work: async (client) => {
        await client.query(inOrder('counts', 'item'), [HOT]);
      },
      acknowledged: () => all(sums.b),
    },
  ];
}

/** Two rows in one transaction, in the order of their keys, as careful applications do. */
function pairs(sums: Sums): Writer[] {
  const both = (turn: number) => [(turn % (HOT - 1)) + 1, (turn % (HOT - 1)) + 2];
  const writer = (release: 'old' | 'new', salt: number, text: string): Writer => ({
    release,
    name: `${release} pairs ${salt}`,
    work: (client, turn) =>
      inTransaction(client, async () => {
        for (const id of both(turn)) await client.query(text, [id]);
      }),
    acknowledged: (turn) => {
      for (const id of both(turn)) add(sums.b, id);
    },
  });
  return [
    writer('old', 1, 'update items set b = b + 1 where id = $1'),
    writer('old', 2, 'update items set b = b + 1 where id = $1'),
    writer('new', 3, 'update counts set b = b + 1 where item = $1'),
  ];
}

const AS_OLD = `select i.id::text, i.title as name, coalesce(c.a, 0)::text as a,
    coalesce(c.b, 0)::text as b, coalesce(l.cents / 100, 0)::text as price,
    coalesce(l.tags, '{}')::text as tags, n.note, coalesce(l.log, '') as log,
    coalesce(l.marks, '[]')::text as marks
  from items i left join counts c on c.item = i.id left join labels l on l.item = i.id
  left join notes n on n.item = i.id order by i.id`;
const OLD_ROWS = `select id::text, name, a::text, b::text, price::text, tags::text, note,
    log, marks::text
  from items i order by i.id`;

const APPENDED_IN = [
  'unnest(tags)',
  `string_to_table(rtrim(log, ';'), ';')`,
  'jsonb_array_elements_text(marks)',
];

async function expectWhole(shard: Shard, sums: Sums, isFenced = false): Promise<void> {
  const seen = await withClient(shard.url, NEW_PATH, (client) => client.query(AS_OLD));
  if (!isFenced) {
    const old = await withClient(shard.url, null, (client) => client.query(OLD_ROWS));
    const texts = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row));
    const wanted = new Set(texts(old.rows));
    expect(
      texts(seen.rows).filter((row) => !wanted.delete(row)),
      'only in the new',
    ).toEqual([]);
    expect([...wanted], 'only in the old').toEqual([]);
  }
  for (let id = 1; id <= HOT; id += 1) {
    const row = seen.rows.find((one) => one.id === String(id));
    expect({ id, a: row?.a, b: row?.b, price: row?.price }).toEqual({
      id,
      a: String(sums.a.get(id) ?? 0),
      b: String(sums.b.get(id) ?? 0),
      price: String(sums.price.get(id) ?? 0),
    });
    const wanted = (sums.tags.get(id) ?? []).sort();
    for (const appended of APPENDED_IN) {
      const tags = await withClient(shard.url, NEW_PATH, (client) =>
        client.query(`select ${appended} as tag from labels where item = ${id}`),
      );
      expect(tags.rows.map((one) => one.tag).sort(), appended).toEqual(wanted);
    }
  }
}

/** Not in step with the rows that a writer picks, so that each row is written at each level. */
function atEveryLevel(writer: Writer): Writer {
  const levelOf = (turn: number) => (turn + Math.floor(turn / HOT)) % LEVELS.length;
  return {
    ...writer,
    isStrict: (turn) => levelOf(turn) > 0,
    work: async (client, turn) => {
      await client.query(`set default_transaction_isolation to '${LEVELS[levelOf(turn)]}'`);
      await writer.work(client, turn);
    },
  };
}

async function course(shard: Shard, load: Load, turns: number): Promise<void> {
  await load.turns(turns, 'old');
  await shard.run('prepare');
  await load.turns(turns);
  await shard.run('expand');
  await load.turns(turns);
  await shard.run('abort');
  await load.turns(turns, 'old');
  await shard.run('prepare');
  await load.turns(turns);
  await shard.run('expand');
  await load.turns(turns);
  await shard.run('verify');
}

function expectOnly(load: Load): void {
  const refusals = [...load.account.refusals];
  const isOld = ([answer]: [string, number]) => answer.startsWith('old');
  expect(refusals.filter(isOld), 'the old release is refused nothing').toEqual([]);
  const odd = refusals.filter(
    ([answer]) => !LIMITED.has(/ ([0-9A-Z]{5}) /.exec(answer)?.[1] ?? ''),
  );
  expect(
    odd.filter((one) => !isOld(one)),
    'the new release is refused only what passes',
  ).toEqual([]);
}

async function underLoad(
  writers: (sums: Sums) => Writer[],
  turns: number,
  tell: (line: string) => Promise<unknown>,
): Promise<void> {
  const shard = await installShard(await compilePair(OLD, NEW, EVOLUTION));
  const sums: Sums = { a: new Map(), b: new Map(), price: new Map(), tags: new Map() };
  await withClient(shard.url, null, (client) =>
    client.query(
      `insert into items (id, name) select i, 'item ' || i from generate_series(1, ${ROWS}) i`,
    ),
  );
  const load = startLoad(shard.url, writers(sums).map(atEveryLevel));
  try {
    await course(shard, load, turns);
  } finally {
    await load.stop();
  }
  const { turns: done, longestMs, refusals, retries } = load.account;
  const counts = {
    done: Object.fromEntries(done),
    longestMs,
    refusals: Object.fromEntries(refusals),
    retries: Object.fromEntries(retries),
  };
  await tell(JSON.stringify(counts));
  expectOnly(load);
  await expectWhole(shard, sums);
  await shard.run('contract');
  await expectWhole(shard, sums, true);
  await shard.drop();
}

describe('writers of both releases on the same rows, through every phase', () => {
  it('lose nothing, and the old release is never refused', ({ annotate }) =>
    underLoad((sums) => [...singles(sums), ...comings()], 12, annotate));

  it('nor when one statement writes all rows', ({ annotate }) =>
    underLoad((sums) => [...singles(sums), ...comings(), ...bulk(sums)], 12, annotate));

  it('nor when one transaction writes several', ({ annotate }) =>
    underLoad((sums) => [...singles(sums), ...pairs(sums)], 12, annotate));
});
