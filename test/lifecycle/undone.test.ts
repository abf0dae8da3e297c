// Consecutive evolutions that undo each other: the shard comes back to the first schema with every
// row, and what each release wrote on the way is there.

import { searchPath } from '@halflap/protocol';
import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { readAll, withClient } from '../evolving/databases.js';
import { APP, type Compiled, compileLine } from '../evolving/releases.js';
import { installShard, shardOf } from '../evolving/shard.js';

interface ThereAndBack {
  readonly one: string;
  readonly other: string;
  readonly there: string;
  readonly back: string;
  readonly seed: string;
  /** What the middle release writes, and what the first schema then holds, as SQL. */
  readonly write: string;
  readonly same: string;
  readonly ignored?: readonly string[];
}

async function thereAndBack(one: ThereAndBack): Promise<void> {
  const line = await compileLine([
    { version: '1.0', schema: one.one, changes: null },
    { version: '2.0', schema: one.other, changes: `changes:\n${one.there}` },
    { version: '3.0', schema: one.one, changes: `changes:\n${one.back}` },
  ]);
  const [first, second] = line as [Compiled, Compiled];
  const shard = await installShard(first);
  const plain = await installShard(first);
  try {
    await withClient(shard.url, null, (client) => client.query(one.seed));
    const towards2 = shardOf(shard.url, first.bundle, async () => {});
    for (const verb of ['prepare', 'expand', 'contract'] as const) await towards2.run(verb);
    await withClient(shard.url, searchPath(APP, '2.0'), (client) => client.query(one.write));
    const towards3 = shardOf(shard.url, second.bundle, async () => {});
    for (const verb of ['prepare', 'abort', 'prepare', 'expand', 'contract'] as const) {
      await towards3.run(verb);
    }
    expect(await unlikeFresh(shard.url, second.bundle)).toEqual([]);
    const ignored = new Set(one.ignored ?? []);
    const wanted = await withClient(plain.url, null, async (client) => {
      await client.query(one.seed + one.same);
      return readAll(client, first.from.catalog, ignored);
    });
    const found = await withClient(shard.url, searchPath(APP, '3.0'), (client) =>
      readAll(client, second.to.catalog, ignored),
    );
    expect(found).toEqual(wanted);
  } finally {
    await shard.drop();
    await plain.drop();
  }
}

describe('an evolution and the one that undoes it', () => {
  it('split and merge', () =>
    thereAndBack({
      one: 'create table users (id int primary key, name text, theme text);',
      other: `create table users (id int primary key, name text);
        create table themes (id int primary key references users (id), theme text not null);`,
      there: `  - split_table: { table: users, into: { users: {}, themes: {
        when: theme is not null } } }`,
      back: '  - merge_tables: { into: users, from: { users: {}, themes: {} } }',
      seed: "insert into users values (1, 'a', 'dark'), (2, 'b', null);",
      write: "insert into themes values (2, 'light'); insert into users values (3, 'c')",
      same: "update users set theme = 'light' where id = 2; insert into users values (3, 'c')",
    }));

  it('unnest and nest', () =>
    thereAndBack({
      one: "create table posts (id int primary key, tags text[] not null default '{}');",
      other: `create table posts (id int primary key);
        create table tags (post int references posts (id) on delete cascade, place int,
          tag text not null, primary key (post, place));`,
      there: `  - unnest_column: { table: posts, column: tags, into: tags, value: tag,
        position: place }`,
      back: `  - nest_table: { table: tags, column: tags, into: posts, value: tag,
        position: place }`,
      seed: "insert into posts values (1, '{x,y}'), (2, '{}');",
      write: "insert into tags values (2, 1, 'new'); update tags set tag = 'z' where tag = 'y'",
      same: `update posts set tags = '{new}' where id = 2;
        update posts set tags = '{x,z}' where id = 1`,
    }));

  it('partition and unite', () =>
    thereAndBack({
      one: 'create table jobs (id int primary key, is_done boolean not null, result text);',
      other: `create table queue (id int primary key);
        create table done (id int primary key, result text);`,
      there: `  - partition_rows:
      table: jobs
      into:
        queue: { when: not is_done, values: { is_done: false } }
        done: { when: is_done, values: { is_done: true } }`,
      back: `  - unite_tables:
      into: jobs
      from:
        queue: { when: not is_done, values: { is_done: false } }
        done: { when: is_done, values: { is_done: true } }`,
      seed: "insert into jobs values (1, false, null), (2, true, 'fine');",
      write: "delete from queue where id = 1; insert into done values (1, 'late')",
      same: "update jobs set is_done = true, result = 'late' where id = 1",
    }));

  it('extract and inline', () =>
    thereAndBack({
      one: 'create table orders (id int primary key, customer text);',
      other: `create table customers (id serial primary key, name text not null unique);
        create table orders (id int primary key, customer_id int references customers (id));
        create index on orders (customer_id);`,
      there: `  - extract_table: { table: orders, columns: { customer: name }, into: customers,
        reference: customer_id }`,
      back: `  - inline_table: { table: customers, columns: { name: customer }, into: orders,
        reference: customer_id }`,
      seed: "insert into orders values (1, 'ada'), (2, 'bob'), (3, 'ada'), (4, null);",
      write: `update customers set name = 'eve' where name = 'ada';
        insert into customers (name) values ('cy');
        update orders set customer_id = (select max(id) from customers) where id = 4`,
      same: `update orders set customer = 'eve' where customer = 'ada';
        update orders set customer = 'cy' where id = 4`,
    }));
});
