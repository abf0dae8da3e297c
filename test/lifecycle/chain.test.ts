// A shard that is taken through one evolution after the other: each begins where the last one
// ended, wherever that left the tables, and an evolution that undoes another composes with it.

import { searchPath } from '@halflap/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { APP, type Compiled, compileLine } from '../evolving/releases.js';
import { installShard, shardOf } from '../evolving/shard.js';

const FIRST = `create table items (id bigint generated always as identity primary key,
  name text not null,
  note text);
  create table events (id serial primary key,
    item bigint not null references items (id) on delete cascade);`;
const SPLIT = `create table items (id bigint generated always as identity primary key,
  name text not null);
  create table notes (item bigint primary key references items (id) on delete cascade,
    note text not null);
  create table events (id serial primary key,
    item bigint not null references items (id) on delete cascade);
  create statistics items_apart on id, name from items;
  create statistics notes_apart on item, note from notes;`;
const LINE = [
  { version: '1.0', schema: FIRST, changes: null },
  {
    version: '2.0',
    schema: SPLIT,
    changes: `changes:
  - split_table:
      table: items
      into: { items: {}, notes: { key: { item: id }, when: note is not null } }`,
  },
  {
    version: '3.0',
    schema: SPLIT.replace('note text', 'remark text').replace('item, note', 'item, remark'),
    changes: 'changes: [rename_column: { table: notes, column: note, to: remark }]',
  },
  {
    version: '4.0',
    schema: SPLIT,
    changes: 'changes: [rename_column: { table: notes, column: remark, to: note }]',
  },
];

let line: Compiled[];

beforeAll(async () => {
  line = await compileLine(LINE);
});

describe('a line of releases', () => {
  it('goes from the first to the last, each table where the next evolution finds it', async () => {
    const first = await installShard(line[0] as Compiled);
    try {
      await withClient(first.url, null, async (client) => {
        await client.query("insert into items (name, note) values ('a', 'x'), ('b', null)");
        await client.query('insert into events (item) values (1)');
      });
      for (const { bundle, to } of line) {
        const shard = shardOf(first.url, bundle, async () => {});
        for (const verb of ['prepare', 'abort', 'prepare', 'expand', 'contract'] as const) {
          await shard.run(verb);
        }
        expect(await unlikeFresh(first.url, bundle)).toEqual([]);
        await withClient(first.url, searchPath(APP, to.version), async (client) => {
          await client.query(`insert into items (name) values ('${to.version}')`);
          const kept = await client.query('select * from notes');
          expect(kept.rows.map((row) => Object.values(row))).toEqual([['1', 'x']]);
        });
      }
      await withClient(first.url, searchPath(APP, '4.0'), async (client) => {
        const { rows } = await client.query('select id, name from items order by id');
        expect(rows.map((row) => row.name)).toEqual(['a', 'b', '2.0', '3.0', '4.0']);
        const schemas = await client.query(
          "select nspname from pg_namespace where nspname like 'shop%' or nspname like 'halflap_%'",
        );
        expect(schemas.rows).toEqual([{ nspname: 'shop_4_0' }]);
        const home = await client.query(
          "select relname, relkind from pg_class where relnamespace = 'public'::regnamespace " +
            "and relkind in ('r', 'v') order by relname",
        );
        // Tables that 4.0 left alone are at home; where notes was, a tombstone of 3.0 stands.
        expect(home.rows).toEqual([
          { relname: 'events', relkind: 'r' },
          { relname: 'items', relkind: 'r' },
          { relname: 'notes', relkind: 'v' },
        ]);
        await expect(client.query('select remark from public.notes')).rejects.toMatchObject({
          code: 'HL002',
        });
      });
    } finally {
      await first.drop();
    }
  });

  it('shows each release all that the last one brought, while the next one comes', async () => {
    const second = `create type mood as enum ('sad', 'fine'); create sequence numbers;
      create type tone as enum ('low', 'high'); create domain amount as int check (value > 0);
      create table grown (id int primary key, v bigint);
      create table brought (id int primary key default nextval('numbers'), mood mood);
      create table wide (id serial primary key, mood mood, tone tone default 'low',
        amount amount default 1);`;
    const line = await compileLine([
      { version: '1.0', schema: 'create table grown (id int primary key, v int);', changes: null },
      { version: '2.0', schema: second, changes: 'changes: []' },
      {
        version: '3.0',
        schema: second
          .replace('amount amount default 1', '$&, length int default 1')
          .replace("'low', 'high'", "'high', 'loud', 'low'")
          .replace('value > 0', 'value > -1')
          .concat('create table fresh (m mood, tone tone);'),
        changes: 'changes: [add_column: { table: wide, column: length, up: "1" }]',
      },
    ]);
    const first = await installShard(line[0] as Compiled);
    const [towards2, towards3] = line.map(({ bundle }) =>
      shardOf(first.url, bundle, async () => {}),
    );
    const write = `insert into brought (mood) values ('fine'); insert into grown values (0, 0)
      on conflict (id) do update set v = grown.v + 1; insert into wide (mood) values ('sad')`;
    const read = `select (select array_agg(id order by id) from brought where mood = 'fine') as b,
      (select v from grown) as v, (select array_agg(id order by id) from wide) as w`;
    try {
      for (const verb of ['prepare', 'expand', 'contract'] as const) await towards2?.run(verb);
      await withClient(first.url, searchPath(APP, '2.0'), async (client) => {
        for (const verb of ['prepare', 'abort', 'prepare', 'expand'] as const) {
          await client.query(write);
          await towards3?.run(verb);
          if (verb === 'abort') continue;
          await withClient(first.url, searchPath(APP, '3.0'), async (newer) => {
            await newer.query(write);
            const seen = (await client.query(read)).rows;
            expect((await newer.query(read)).rows, `after ${verb}`).toEqual(seen);
          });
        }
      });
      await towards3?.run('contract');
      expect(await unlikeFresh(first.url, line[1]?.bundle as Compiled['bundle'])).toEqual([]);
      await withClient(first.url, searchPath(APP, '3.0'), async (client) => {
        await client.query(write);
        expect((await client.query(read)).rows).toEqual([
          { b: '{1,2,3,4,5,6,7,8}', v: '7', w: '{1,2,3,4,5,6,7,8}' },
        ]);
      });
    } finally {
      await first.drop();
    }
  });
});
