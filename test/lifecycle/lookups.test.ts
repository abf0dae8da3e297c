// Values that repeat, and a table of their own, through every phase.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('values that get a table of their own', () => {
  it('are the same for both releases, whoever writes them', () =>
    lifecycleCase({
      from: `create table orders (id bigint primary key, customer varchar(30), amount int not null);
        create table lines (id int primary key, order_id bigint references orders (id));`,
      to: `create table customers (id int generated always as identity primary key,
          name text not null unique, city text not null default 'here');
        create table orders (id bigint primary key, amount int not null,
          customer_id int references customers (id));
        create table lines (id int primary key, order_id bigint references orders (id));`,
      evolution: `changes:
  - extract_table:
      table: orders
      columns: { customer: name }
      into: customers
      reference: customer_id
`,
      seed: {
        old: `insert into orders values (1, 'ada', 5), (2, 'bob', 6), (3, 'ada', 7), (4, null, 8);
          insert into lines values (1, 1);`,
        new: `insert into customers (name) values ('ada'), ('bob');
          insert into orders select v.id, v.amount, c.id
            from (values (1, 'ada', 5), (2, 'bob', 6), (3, 'ada', 7), (4, null, 8))
              as v(id, name, amount) left join customers as c on c.name = v.name;
          insert into lines values (1, 1);`,
      },
      writes: (n) => {
        const of = (customer: string) => `(select id from customers where name = '${customer}')`;
        const unused = `delete from customers as c
          where not exists (select from orders as o where o.customer_id = c.id)`;
        const seen = (customer: string) => `insert into customers (name)
          values ('${customer}') on conflict do nothing`;
        return [
          oldWrite(
            `insert into orders values (${n}0, 'old ${n}', 1), (${n}1, 'ada', 2)`,
            `${seen(`old ${n}`)};
             insert into orders values (${n}0, 1, ${of(`old ${n}`)}), (${n}1, 2, ${of('ada')})`,
          ),
          newWrite(`insert into customers (name, city) values ('new ${n}', 'there')`, ''),
          newWrite(
            `insert into orders values (${n}2, 3, ${of(`new ${n}`)}), (${n}3, 4, null)`,
            `insert into orders values (${n}2, 'new ${n}', 3), (${n}3, null, 4)`,
          ),
          newWrite(
            `update orders set customer_id = ${of('bob')}, amount = amount + 1 where id = ${n}2`,
            `update orders set customer = 'bob', amount = amount + 1 where id = ${n}2`,
          ),
          oldWrite(
            `update orders set customer = 'moved ${n}' where id = ${n}0`,
            `${seen(`moved ${n}`)};
             update orders set customer_id = ${of(`moved ${n}`)} where id = ${n}0`,
          ),
          newWrite(
            `update customers set name = 'ADA ${n}' where name = 'ada'`,
            `update orders set customer = 'ADA ${n}' where customer = 'ada'`,
          ),
          newWrite(
            `update customers set name = 'ada' where name = 'ADA ${n}'`,
            `update orders set customer = 'ada' where customer = 'ADA ${n}'`,
          ),
          oldWrite(`update orders set amount = amount * 2 where id <= 3`),
          newWrite(`delete from orders where id = ${n}3`),
          newWrite(`delete from customers where name = 'new ${n}'`, ''),
          // Which name a reference leads to shows in the amount.
          newWrite(
            `update orders as o set amount = o.amount + length(c.name) from customers as c
               where c.id = o.customer_id and o.id in (1, ${n}0, ${n}2)`,
            `update orders set amount = amount + length(customer) where id in (1, ${n}0, ${n}2)`,
          ),
          oldWrite(`delete from orders where id in (${n}0, ${n}1)`),
          // A value that nobody has any more keeps its row, for the new release alone.
          oldWrite('', unused),
          newWrite(unused, ''),
        ];
      },
      refused: () => [
        {
          by: 'new',
          sql: `delete from customers where name = 'ada'`,
          lens: '23503',
          dual: '23503',
        },
        {
          by: 'new',
          sql: `insert into orders values (-1, 1, 999999)`,
          lens: '23503',
          dual: '23503',
        },
        { by: 'new', sql: 'truncate customers cascade', lens: 'HL003', dual: 'HL003' },
      ],
      ignored: ['customers.id', 'customers.city', 'orders.customer_id'],
    }));
});

describe('a lookup table that gives way to its values', () => {
  it('goes on for the old release', () =>
    lifecycleCase({
      from: `create table names (id serial primary key, name text not null unique);
        create table artists (id int primary key, name_id int not null references names (id),
          sort_id int references names (id), born int);
        create index on artists (name_id); create index on artists (sort_id);`,
      to: `create table artists (id int primary key, name text not null, sort_name text,
        born int);`,
      evolution: `changes:
  - inline_table: { table: names, into: artists, reference: name_id, columns: { name: name } }
  - inline_table: { table: names, into: artists, reference: sort_id, columns: { name: sort_name } }
`,
      seed: {
        old: `insert into names (name) values ('Ada'), ('Bob'), ('unused');
          insert into artists values (1, 1, 2, 1815), (2, 2, null, 1900);`,
        new: `insert into artists values (1, 'Ada', 'Bob', 1815), (2, 'Bob', null, 1900);`,
      },
      writes: (n) => {
        const of = (value: string) => `(select id from names where name = '${value}')`;
        const made = (value: string) =>
          `insert into names (name) values ('${value}') on conflict do nothing`;
        return [
          oldWrite(
            `${made(`old ${n}`)}; insert into artists values (${n}0, ${of(`old ${n}`)}, null, 1)`,
            `insert into artists values (${n}0, 'old ${n}', null, 1)`,
          ),
          newWrite(
            `insert into artists values (${n}1, 'new ${n}', 'Ada', 2),
               (${n}2, 'new ${n}', null, 3)`,
            `${made(`new ${n}`)};
             insert into artists values (${n}1, ${of(`new ${n}`)}, ${of('Ada')}, 2),
               (${n}2, ${of(`new ${n}`)}, null, 3)`,
          ),
          newWrite(
            `update artists set name = 'changed ${n}', born = born + 1 where id = ${n}2`,
            `${made(`changed ${n}`)};
             update artists set name_id = ${of(`changed ${n}`)}, born = born + 1 where id = ${n}2`,
          ),
          oldWrite(
            `update names set name = name || '!' where name in ('old ${n}', 'Bob')`,
            `update artists set name = name || '!' where name in ('old ${n}', 'Bob');
             update artists set sort_name = sort_name || '!' where sort_name = 'Bob'`,
          ),
          oldWrite(
            `update names set name = 'Bob' where name = 'Bob!'`,
            `update artists set name = 'Bob' where name = 'Bob!';
             update artists set sort_name = 'Bob' where sort_name = 'Bob!'`,
          ),
          oldWrite(
            `update artists set sort_id = name_id where id = ${n}0`,
            `update artists set sort_name = name where id = ${n}0`,
          ),
          newWrite(
            `update artists set sort_name = null where sort_name = 'Ada'`,
            `update artists set sort_id = null where sort_id = ${of('Ada')}`,
          ),
          newWrite(`delete from artists where id = ${n}1`),
          oldWrite(`delete from artists where id in (${n}0, ${n}2)`),
        ];
      },
      ignored: ['names.id', 'artists.name_id', 'artists.sort_id'],
    }));
});
