// One evolution with the kinds of change whose SQL has little in common with that of a split: rows
// that become several, keys that are drawn (custom queries over a map of keys, once compiled), a
// lookup table, kept values.

import { type LifecycleCase, newWrite, oldWrite } from '../lifecycle/lifecycle-case.js';

const FROM = `create table posts (id int primary key, tags text[] not null default '{}');
create table users (id serial primary key, name text not null unique, n int not null default 0);
create table orders (id int primary key, customer text, n int not null default 0);
create table groups (id int primary key, name text not null);`;

const TO = `create table posts (id int primary key);
create table post_tags (post_id int references posts on delete cascade, place int,
  tag text not null, primary key (post_id, place));
create table users (id uuid primary key default gen_random_uuid(), name text not null unique,
  n int not null default 0);
create table customers (id int generated always as identity primary key,
  name text not null unique);
create table orders (id int primary key, n int not null default 0,
  customer_id int references customers (id));
create table groups (id int primary key, name text not null, slug text not null);`;

const EVOLUTION = `changes:
  - unnest_column: { table: posts, column: tags, into: post_tags, value: tag, position: place }
  - rekey_table: { table: users, column: id }
  - extract_table:
      table: orders
      columns: { customer: name }
      into: customers
      reference: customer_id
  - add_column: { table: groups, column: slug, up: lower(name), keep: true }
`;

const customer = (name: string) => `(select id from customers where name = '${name}')`;

const lists: LifecycleCase['writes'] = (n) => [
  oldWrite(
    `insert into posts values (${n}0, '{a,b}')`,
    `insert into posts values (${n}0);
     insert into post_tags values (${n}0, 1, 'a'), (${n}0, 2, 'b')`,
  ),
  newWrite(
    `insert into posts values (${n}1); insert into post_tags values (${n}1, 1, 'c')`,
    `insert into posts values (${n}1, '{c}')`,
  ),
  newWrite(
    `update post_tags set tag = tag || '${n}' where place = 1`,
    `update posts set tags[1] = tags[1] || '${n}' where tags <> '{}'`,
  ),
];

const keysAndValues: LifecycleCase['writes'] = (n) => [
  oldWrite(`insert into users (name) values ('old ${n}')`),
  newWrite(`insert into users (name) values ('new ${n}')`),
  newWrite(`update users set n = n + 1 where name in ('old ${n}', 'new ${n - 1}')`),
  oldWrite(`delete from users where name = 'new ${n - 1}'`),
  oldWrite(
    `insert into orders values (${n}0, 'ada', 1), (${n}1, 'old ${n}', 2)`,
    `insert into customers (name) values ('old ${n}');
     insert into orders values (${n}0, 1, ${customer('ada')}),
       (${n}1, 2, ${customer(`old ${n}`)})`,
  ),
  newWrite(
    `update orders set customer_id = ${customer('bob')} where id = ${n}0`,
    `update orders set customer = 'bob' where id = ${n}0`,
  ),
  oldWrite(`insert into groups values (${n}0, 'O')`, `insert into groups values (${n}0, 'O', 'o')`),
  newWrite(
    `insert into groups values (${n}1, 'N', 'own ${n}')`,
    `insert into groups values (${n}1, 'N')`,
  ),
  newWrite(`update groups set slug = 'mine' where id = ${n}0`, ''),
];

export const KINDS: LifecycleCase = {
  from: FROM,
  to: TO,
  evolution: EVOLUTION,
  isAbortedOnce: true,
  seed: {
    old: `insert into posts values (1, '{x,y}'), (2, '{}');
      insert into users (name) values ('eve');
      insert into orders values (1, 'ada', 1), (2, 'bob', 1), (3, null, 1);
      insert into groups values (1, 'A');`,
    new: `insert into posts values (1), (2);
      insert into post_tags values (1, 1, 'x'), (1, 2, 'y');
      insert into users (name) values ('eve');
      insert into customers (name) values ('ada'), ('bob');
      insert into orders values (1, 1, 1), (2, 1, 2), (3, 1, null);
      insert into groups values (1, 'A', 'a');`,
  },
  writes: (n) => [...lists(n), ...keysAndValues(n)],
  refused: () => [
    { by: 'new', sql: `update orders set customer_id = 99`, lens: '23503', dual: '23503' },
  ],
  lostByAbort: `update groups set slug = lower(name)`,
  ignored: ['users.id', 'customers.id', 'orders.customer_id'],
  ignoredOfOld: ['users.id'],
};
