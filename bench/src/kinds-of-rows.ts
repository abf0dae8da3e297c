// Pairs of releases for the kinds of change that carry row by row.

import { type KindCase, ROWS } from './kind-case.js';

/** Of the columns that become lookup tables, and back. */
const VALUES = 'generate_series(0, least(999, $1::int)) as n';
const SEEN = `'2026-01-01'::timestamptz + i * interval '1 second'`;

const renameColumn: KindCase = {
  kind: 'rename_column',
  changes: '  - rename_column: { table: hosts, column: owner, to: team }',
  old: {
    schema: 'create table hosts (id int primary key, owner text not null, site text);',
    fill: [`insert into hosts select i, 'team ' || i % 50, 'site ' || i % 20 from ${ROWS}`],
    read: 'select owner, site from hosts where id = $1::int',
    write: `update hosts set owner = 'team ' || $2::int where id = $1::int`,
  },
  new: {
    schema: 'create table hosts (id int primary key, team text not null, site text);',
    fill: [`insert into hosts select i, 'team ' || i % 50, 'site ' || i % 20 from ${ROWS}`],
    read: 'select team, site from hosts where id = $1::int',
    write: `update hosts set team = 'team ' || $2::int where id = $1::int`,
  },
};

const convertColumn: KindCase = {
  kind: 'convert_column',
  changes: `  - convert_column:
      table: hosts
      column: memory_mb
      to: memory_bytes
      up: memory_mb::bigint * 1048576
      down: (memory_bytes / 1048576)::int`,
  old: {
    schema: 'create table hosts (id int primary key, name text not null, memory_mb int);',
    fill: [`insert into hosts select i, 'host ' || i, 1024 * (1 + i % 64) from ${ROWS}`],
    read: 'select name, memory_mb from hosts where id = $1::int',
    write: 'update hosts set memory_mb = $2::int where id = $1::int',
  },
  new: {
    schema: 'create table hosts (id int primary key, name text not null, memory_bytes bigint);',
    fill: [
      `insert into hosts select i, 'host ' || i, 1073741824::bigint * (1 + i % 64) from ${ROWS}`,
    ],
    read: 'select name, memory_bytes from hosts where id = $1::int',
    write: 'update hosts set memory_bytes = $2::bigint * 1048576 where id = $1::int',
  },
};

const addColumnKeep: KindCase = {
  kind: 'add_column_keep',
  changes: `  - add_column:
      table: groups
      column: slug
      up: lower(name) || '-' || id
      keep: true`,
  old: {
    schema: 'create table groups (id int primary key, name text not null);',
    fill: [`insert into groups select i, 'Group' from ${ROWS}`],
    read: 'select name from groups where id = $1::int',
    write: `update groups set name = 'Group ' || $2::int where id = $1::int`,
  },
  new: {
    schema: 'create table groups (id int primary key, name text not null, slug text not null);',
    fill: [`insert into groups select i, 'Group', 'group-' || i from ${ROWS}`],
    read: 'select name, slug from groups where id = $1::int',
    write: `update groups set slug = 'own-' || $2::int where id = $1::int`,
  },
};

const splitTable: KindCase = {
  kind: 'split_table',
  changes: `  - split_table:
      table: users
      into:
        people: {}
        visits: { key: { person_id: id }, when: last_login is not null }`,
  old: {
    schema: `create table users (id int primary key, name text not null, email text,
      last_login timestamptz);`,
    fill: [`insert into users select i, 'user ' || i, 'u@example.org', ${SEEN} from ${ROWS}`],
    read: 'select name, last_login from users where id = $1::int',
    write: `update users set last_login = last_login + $2::int * interval '1 second'
      where id = $1::int`,
  },
  new: {
    schema: `create table people (id int primary key, name text not null, email text);
      create table visits (person_id int primary key references people (id) on delete cascade,
        last_login timestamptz not null);`,
    fill: [
      `insert into people select i, 'user ' || i, 'u@example.org' from ${ROWS}`,
      `insert into visits select i, ${SEEN} from ${ROWS}`,
    ],
    read: `select p.name, v.last_login from people p left join visits v on v.person_id = p.id
      where p.id = $1::int`,
    write: `update visits set last_login = last_login + $2::int * interval '1 second'
      where person_id = $1::int`,
  },
};

const mergeTables: KindCase = {
  kind: 'merge_tables',
  changes: '  - merge_tables: { into: people, from: { people: {}, logins: {} } }',
  old: {
    schema: `create table people (id int primary key, name text not null);
      create table logins (id int primary key references people (id) on delete cascade,
        username text not null);`,
    fill: [
      `insert into people select i, 'person ' || i from ${ROWS}`,
      `insert into logins select i, 'p' || i from ${ROWS}`,
    ],
    read: `select p.name, l.username from people p left join logins l on l.id = p.id
      where p.id = $1::int`,
    write: `update logins set username = 'p' || $2::int where id = $1::int`,
  },
  new: {
    schema: 'create table people (id int primary key, name text not null, username text);',
    fill: [`insert into people select i, 'person ' || i, 'p' || i from ${ROWS}`],
    read: 'select name, username from people where id = $1::int',
    write: `update people set username = 'p' || $2::int where id = $1::int`,
  },
};

const extractTable: KindCase = {
  kind: 'extract_table',
  changes: `  - extract_table:
      table: orders
      columns: { customer: name }
      into: customers
      reference: customer_id`,
  old: {
    schema: `create table orders (id int primary key, customer text not null,
        amount int not null);
      create index on orders (customer);`,
    fill: [`insert into orders select i, 'customer ' || i % 1000, i % 99 from ${ROWS}`],
    read: 'select customer, amount from orders where id = $1::int',
    write: `update orders set customer = 'customer ' || $2::int % 1000 where id = $1::int`,
  },
  new: {
    schema: `create table customers (id int generated always as identity primary key,
        name text not null unique);
      create table orders (id int primary key,
        customer_id int not null references customers (id), amount int not null);
      create index on orders (customer_id);`,
    fill: [
      `insert into customers (name) select 'customer ' || n from ${VALUES}`,
      `insert into orders select i, c.id, i % 99
       from ${ROWS} join customers c on c.name = 'customer ' || i % 1000`,
    ],
    read: `select c.name, o.amount from orders o join customers c on c.id = o.customer_id
      where o.id = $1::int`,
    write: `update orders set customer_id =
        (select id from customers where name = 'customer ' || $2::int % 1000)
      where id = $1::int`,
  },
};

const inlineTable: KindCase = {
  kind: 'inline_table',
  changes: `  - inline_table:
      table: names
      columns: { name: name }
      into: artists
      reference: name_id`,
  old: {
    schema: `create table names (id serial primary key, name text not null unique);
      create table artists (id int primary key, name_id int not null references names (id),
        born int);
      create index on artists (name_id);`,
    fill: [
      `insert into names (name) select 'name ' || n from ${VALUES}`,
      `insert into artists select i, n.id, 1900 + i % 99
       from ${ROWS} join names n on n.name = 'name ' || i % 1000`,
    ],
    read: `select n.name, a.born from artists a join names n on n.id = a.name_id
      where a.id = $1::int`,
    write: `update artists set name_id =
        (select id from names where name = 'name ' || $2::int % 1000)
      where id = $1::int`,
  },
  new: {
    schema: 'create table artists (id int primary key, name text not null, born int);',
    fill: [`insert into artists select i, 'name ' || i % 1000, 1900 + i % 99 from ${ROWS}`],
    read: 'select name, born from artists where id = $1::int',
    write: `update artists set name = 'name ' || $2::int % 1000 where id = $1::int`,
  },
};

export const KINDS_OF_ROWS: readonly KindCase[] = [
  renameColumn,
  convertColumn,
  addColumnKeep,
  splitTable,
  mergeTables,
  extractTable,
  inlineTable,
];
