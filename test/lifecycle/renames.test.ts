// rename_table and rename_column through every phase.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('a renamed table', () => {
  it('serves both names in every phase, with its serial key, index and check', () =>
    lifecycleCase({
      from: `create table clients (id serial primary key, mail text not null unique,
          rank int default 1 constraint ranked check (rank > 0),
            at timestamptz default '2026-01-01');
        create index clients_rank on clients (rank);`,
      to: `create table customers (id serial primary key, mail text not null unique,
          rank int default 1 constraint ranked check (rank > 0),
            at timestamptz default '2026-01-01');
        create index customers_rank on customers (rank);`,
      evolution: `changes:
  - rename_table: { table: clients, to: customers }
`,
      seed: {
        old: `insert into clients (mail) values ('a'), ('b'), ('c');`,
        new: `insert into customers (mail) values ('a'), ('b'), ('c');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into clients (mail) values ('old ${n}')`,
          `insert into customers (mail) values ('old ${n}')`,
        ),
        newWrite(
          `insert into customers (mail, rank) values ('new ${n}', ${n})
           on conflict (mail) do update set rank = customers.rank + 1`,
          `insert into clients (mail, rank) values ('new ${n}', ${n})
           on conflict (mail) do update set rank = clients.rank + 1`,
        ),
        newWrite(
          `update customers set rank = rank + 1 where mail like 'old%'`,
          `update clients set rank = rank + 1 where mail like 'old%'`,
        ),
        oldWrite(
          `update clients set rank = rank + 1 where mail like 'new%'`,
          `update customers set rank = rank + 1 where mail like 'new%'`,
        ),
        newWrite(
          `delete from customers where mail = 'old ${n - 1}'`,
          `delete from clients where mail = 'old ${n - 1}'`,
        ),
        oldWrite(
          `delete from clients where mail = 'new ${n - 1}'`,
          `delete from customers where mail = 'new ${n - 1}'`,
        ),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `insert into customers (id, mail, rank) values (-1, 'x', 0)`,
          lens: '23514',
          dual: '23514',
        },
        {
          by: 'new',
          sql: `insert into customers (id, mail) values (-1, 'a')`,
          lens: '23505',
          dual: '23505',
        },
        {
          by: 'new',
          sql: `insert into customers (id, mail) values (-1, null)`,
          lens: '23502',
          dual: '23502',
        },
      ],
    }));

  it('may take the name of another table, which takes a third', () =>
    lifecycleCase({
      from: `create table a (id int primary key, x text);
        create table b (id int primary key, y text);`,
      to: `create table b (id int primary key, x text);
        create table c (id int primary key, y text);`,
      evolution: `changes:
  - rename_table: { table: a, to: b }
  - rename_table: { table: b, to: c }
`,
      seed: {
        old: `insert into a values (1, 'a1'); insert into b values (1, 'b1'), (2, 'b2');`,
        new: `insert into b values (1, 'a1'); insert into c values (1, 'b1'), (2, 'b2');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into a values (10 + ${n}, 'old a')`,
          `insert into b values (10 + ${n}, 'old a')`,
        ),
        oldWrite(
          `insert into b values (10 + ${n}, 'old b')`,
          `insert into c values (10 + ${n}, 'old b')`,
        ),
        newWrite(
          `insert into b values (100 + ${n}, 'new b')`,
          `insert into a values (100 + ${n}, 'new b')`,
        ),
        newWrite(
          `update c set y = y || '!' where id = 10 + ${n}`,
          `update b set y = y || '!' where id = 10 + ${n}`,
        ),
        newWrite(`delete from b where id = 10 + ${n}`, `delete from a where id = 10 + ${n}`),
      ],
    }));
});

describe('renamed columns', () => {
  it('serve both names in every phase, in keys, indexes, checks, unique and foreign keys', () =>
    lifecycleCase({
      from: `create table owners (code text primary key, label text);
        create table cars (id bigint generated always as identity primary key,
          owner text references owners (code) on delete cascade, plate text not null unique,
          price int check (price >= 0));
        create index cars_owner on cars (owner, price);`,
      to: `create table owners (code text primary key, title text);
        create table cars (car_id bigint generated always as identity primary key,
          owned_by text references owners (code) on delete cascade,
            plate_number text not null unique,
          cost int check (cost >= 0));
        create index cars_owner on cars (owned_by, cost);`,
      evolution: `changes:
  - rename_column: { table: owners, column: label, to: title }
  - rename_column: { table: cars, column: id, to: car_id }
  - rename_column: { table: cars, column: owner, to: owned_by }
  - rename_column: { table: cars, column: plate, to: plate_number }
  - rename_column: { table: cars, column: price, to: cost }
`,
      seed: {
        old: `insert into owners values ('a', 'A'), ('b', 'B');
          insert into cars (owner, plate, price) values ('a', 'p1', 5), ('b', 'p2', null);`,
        new: `insert into owners values ('a', 'A'), ('b', 'B');
          insert into cars (owned_by, plate_number, cost)
          values ('a', 'p1', 5), ('b', 'p2', null);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into owners values ('o${n}', 'O');
            insert into cars (owner, plate) values ('o${n}', 'old ${n}')`,
          `insert into owners values ('o${n}', 'O');
           insert into cars (owned_by, plate_number) values ('o${n}', 'old ${n}')`,
        ),
        newWrite(
          `insert into cars (owned_by, plate_number, cost) values ('a', 'new ${n}', ${n})
           on conflict (plate_number) do nothing`,
          `insert into cars (owner, plate, price)
            values ('a', 'new ${n}', ${n}) on conflict (plate) do nothing`,
        ),
        newWrite(
          `update cars set cost = coalesce(cost, 0) + 1`,
          `update cars set price = coalesce(price, 0) + 1`,
        ),
        newWrite(
          `update owners set title = title || '.'`,
          `update owners set label = label || '.'`,
        ),
        newWrite(`delete from owners where code = 'o${n - 1}'`),
        oldWrite(
          `update cars set owner = 'b' where plate = 'new ${n}'`,
          `update cars set owned_by = 'b' where plate_number = 'new ${n}'`,
        ),
      ],
      refused: () => [
        { by: 'new', sql: `update cars set cost = -1`, lens: '23514', dual: '23514' },
        { by: 'new', sql: `update cars set owned_by = '?'`, lens: '23503', dual: '23503' },
      ],
    }));

  it('may change places', () =>
    lifecycleCase({
      from: `create table pairs (id int primary key, first text default 'f',
        second text default 's');`,
      to: `create table pairs (id int primary key, second text default 'f',
        first text default 's');`,
      evolution: `changes:
  - rename_column: { table: pairs, column: first, to: second }
  - rename_column: { table: pairs, column: second, to: first }
`,
      seed: {
        old: `insert into pairs values (1, 'a', 'b');`,
        new: `insert into pairs (id, second, first) values (1, 'a', 'b');`,
      },
      writes: (n) => [
        oldWrite(`insert into pairs (id) values (10 + ${n})`),
        newWrite(`insert into pairs (id) values (100 + ${n})`),
        newWrite(
          `insert into pairs (id, first) values (200 + ${n}, 'new ${n}')`,
          `insert into pairs (id, second) values (200 + ${n}, 'new ${n}')`,
        ),
        oldWrite(
          `update pairs set first = first || '<' where id % 2 = 0`,
          `update pairs set second = second || '<' where id % 2 = 0`,
        ),
        newWrite(
          `update pairs set first = second, second = first where id = 1`,
          `update pairs set first = second, second = first where id = 1`,
        ),
      ],
    }));
});

describe('an old name', () => {
  const users = (type: string) => `create table users (id serial primary key, n ${type});
    create index users_n on users (n);`;
  const after = (type: string) => `create table accounts (id serial primary key, n ${type});
    create index accounts_n on accounts (n);
    create table users (id serial primary key, x text);
    create index users_n on users (x);`;
  const evolution = `changes:\n  - rename_table: { table: users, to: accounts }\n`;

  for (const [how, type] of [
    ['shared by both releases', 'int'],
    ['rebuilt', 'bigint'],
  ] as const) {
    it(`may be a new table's, with sequence, key and index, when its table is ${how}`, () =>
      lifecycleCase({
        from: users('int'),
        to: after(type),
        evolution,
        seed: {
          old: `insert into users (n) values (1), (2)`,
          new: `insert into accounts (n) values (1), (2)`,
        },
        writes: (n) => [
          oldWrite(`insert into users (n) values (${n})`, `insert into accounts (n) values (${n})`),
          newWrite(`insert into accounts (n) values (${n})`, `insert into users (n) values (${n})`),
          newWrite(`insert into users (x) values ('x${n}')`, ''),
        ],
        lostByAbort: 'truncate users restart identity',
      }));
  }

  it('may be a new index of another table, where a key to a rebuilt table changes its name', () =>
    lifecycleCase({
      from: `create table t (id int primary key, v int);
        create table r (id int primary key, t int references t (id));
        create index ri on r (t);`,
      to: `create table t (id int primary key, v bigint);
        create table r (id int primary key, target int references t (id));
        create table s (id int primary key);
        create index ri on s (id);`,
      evolution: `changes:\n  - rename_column: { table: r, column: t, to: target }\n`,
      seed: {
        old: `insert into t values (1, 1); insert into r values (1, 1)`,
        new: `insert into t values (1, 1); insert into r values (1, 1)`,
      },
      writes: (n) => [oldWrite(`insert into t values (10 + ${n}, 1)`)],
    }));
});
