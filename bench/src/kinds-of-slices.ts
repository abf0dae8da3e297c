// Pairs of releases for the kinds of change that carry by slices: rows that become several, or one
// of several.

import { type KindCase, ROWS, type Side } from './kind-case.js';

const HALF = 'generate_series(1, $1::int / 2) as i';
const QUARTER = 'generate_series(1, $1::int / 4) as i';

/** One row in three of the years lacks a plan, and one in three an actual. */
const mergeTablesOuter: KindCase = {
  kind: 'merge_tables_outer',
  changes: `  - merge_tables:
      into: years
      from: { plans: { when: budget is not null }, actuals: {} }`,
  old: {
    schema: `create table plans (id int primary key, budget int not null);
      create table actuals (id int primary key, spent int not null);`,
    fill: [
      `insert into plans select i, i from ${ROWS} where i % 3 <> 1`,
      `insert into actuals select i, i from ${ROWS} where i % 3 <> 2`,
    ],
    read: `select p.budget, a.spent from plans p full join actuals a on a.id = p.id
      where p.id = $1::int / 3 * 3`,
    write: 'update actuals set spent = $2::int where id = greatest($1::int / 3 * 3, 3)',
  },
  new: {
    schema: 'create table years (id int primary key, budget int, spent int);',
    fill: [
      `insert into years
       select i, case when i % 3 <> 1 then i end, case when i % 3 <> 2 then i end from ${ROWS}`,
    ],
    read: 'select budget, spent from years where id = $1::int',
    write: 'update years set spent = $2::int where id = $1::int',
  },
};

/** The old release's write changes one row, which stands for four of the new one. */
const moveColumn: KindCase = {
  kind: 'move_column',
  perKey: 4,
  changes: '  - move_column: { table: centers, column: mac_pool, to: clusters, as: pool }',
  old: {
    schema: `create table centers (id int primary key, name text not null,
        mac_pool text not null default 'standard');
      create table clusters (id int primary key,
        center_id int not null references centers (id), name text not null);
      create index on clusters (center_id);`,
    fill: [
      `insert into centers select i, 'center ' || i, 'pool ' || i % 10 from ${QUARTER}`,
      `insert into clusters select i, 1 + i % ($1::int / 4), 'cluster ' || i from ${ROWS}`,
    ],
    read: `select c.name, d.mac_pool from clusters c join centers d on d.id = c.center_id
      where c.id = $1::int`,
    write: `update centers set mac_pool = 'pool ' || $2::int where id = $1::int`,
  },
  new: {
    schema: `create table centers (id int primary key, name text not null);
      create table clusters (id int primary key,
        center_id int not null references centers (id), name text not null, pool text not null);
      create index on clusters (center_id);`,
    fill: [
      `insert into centers select i, 'center ' || i from ${QUARTER}`,
      `insert into clusters select i, 1 + i % ($1::int / 4), 'cluster ' || i,
        'pool ' || (1 + i % ($1::int / 4)) % 10 from ${ROWS}`,
    ],
    read: 'select name, pool from clusters where id = $1::int',
    write: `update clusters set name = 'cluster ' || $2::int where id = $1::int`,
  },
};

const WITH_LIST: Side = {
  schema: 'create table posts (id int primary key, title text not null, tags text[] not null);',
  fill: [`insert into posts select i, 'post ' || i, '{red,green,blue,grey}' from ${QUARTER}`],
  read: 'select title, tags from posts where id = $1::int',
  write: `update posts set tags[2] = 'tag ' || $2::int where id = $1::int`,
};
const WITH_ROWS: Side = {
  schema: `create table posts (id int primary key, title text not null);
    create table post_tags (post_id int references posts (id) on delete cascade, place int,
      tag text not null, primary key (post_id, place));`,
  fill: [
    `insert into posts select i, 'post ' || i from ${QUARTER}`,
    `insert into post_tags select i, t.place, t.tag
     from ${QUARTER}, unnest('{red,green,blue,grey}'::text[]) with ordinality as t(tag, place)`,
  ],
  read: 'select place, tag from post_tags where post_id = $1::int order by place',
  write: `update post_tags set tag = 'tag ' || $2::int where post_id = $1::int and place = 2`,
};
const LIST = 'column: tags, value: tag, position: place';

const unnestColumn: KindCase = {
  kind: 'unnest_column',
  perKey: 4,
  changes: `  - unnest_column: { table: posts, into: post_tags, ${LIST} }`,
  old: WITH_LIST,
  new: WITH_ROWS,
};

const nestTable: KindCase = {
  kind: 'nest_table',
  perKey: 4,
  changes: `  - nest_table: { table: post_tags, into: posts, ${LIST} }`,
  old: WITH_ROWS,
  new: WITH_LIST,
};

const WHOLE: Side = {
  schema: `create table events (id int primary key,
      kind text not null check (kind in ('login', 'error')), who text not null);`,
  fill: [
    `insert into events select i, case i % 2 when 0 then 'login' else 'error' end, 'user ' || i
     from ${ROWS}`,
  ],
  read: 'select who from events where id = $1::int * 2',
  write: `update events set who = 'user ' || $2::int where id = $1::int * 2`,
};
const SHARES: Side = {
  schema: `create table logins (id int primary key, who text not null);
    create table errors (id int primary key, who text not null);`,
  fill: [
    `insert into logins select i * 2, 'user ' || i * 2 from ${HALF}`,
    `insert into errors select i * 2 - 1, 'user ' || i * 2 - 1 from ${HALF}`,
  ],
  read: 'select who from logins where id = $1::int * 2',
  write: `update logins set who = 'user ' || $2::int where id = $1::int * 2`,
};
const SHARED_OUT = `
        logins: { when: kind = 'login', values: { kind: "'login'" } }
        errors: { when: kind = 'error', values: { kind: "'error'" } }`;

const partitionRows: KindCase = {
  kind: 'partition_rows',
  perKey: 2,
  changes: `  - partition_rows:\n      table: events\n      into:${SHARED_OUT}`,
  old: WHOLE,
  new: SHARES,
};

const uniteTables: KindCase = {
  kind: 'unite_tables',
  perKey: 2,
  changes: `  - unite_tables:\n      into: events\n      from:${SHARED_OUT}`,
  old: SHARES,
  new: WHOLE,
};

/** Drawn keys differ from database to database: statements begin with a name. */
const keyed = (type: string): Side => ({
  schema: `create table users (id ${type} primary key, name text not null unique, n int not null);
    create table mails (id int primary key, address text not null,
      user_id ${type.split(' ')[0] === 'uuid' ? 'uuid' : 'int'} not null
        references users (id) on delete cascade);
    create index on mails (user_id);`,
  fill: [
    `insert into users (name, n) select 'user ' || i, 0 from ${ROWS}`,
    `insert into mails select i, 'u' || i || '@example.org', u.id
     from ${ROWS} join users u on u.name = 'user ' || i`,
  ],
  read: `select u.n, m.address from users u join mails m on m.user_id = u.id
    where u.name = 'user ' || $1::int`,
  write: `update users set n = $2::int
    where id = (select id from users where name = 'user ' || $1::int)`,
});

const rekeyTable: KindCase = {
  kind: 'rekey_table',
  changes: '  - rekey_table: { table: users, column: id }',
  old: keyed('serial'),
  new: keyed('uuid default gen_random_uuid()'),
};

const DAY = `sensor = $1::int / 30 and day = '2026-01-01'::date + $1::int % 30`;

const custom: KindCase = {
  kind: 'custom',
  perKey: 2,
  changes: `  - custom:
      from:
        readings:
          slice: [sensor, day]
          query: |
            select sensor, day,
              max(value) filter (where half = 'am') as morning,
              max(value) filter (where half = 'pm') as evening
            from measurements
            group by sensor, day
      into:
        measurements:
          slice: [sensor, day]
          query: |
            select r.sensor, r.day, v.half, v.value
            from readings r
            cross join lateral (values ('am', r.morning), ('pm', r.evening)) as v(half, value)
            where v.value is not null`,
  old: {
    schema: `create table readings (sensor int, day date, morning int, evening int,
      primary key (sensor, day), check (morning is not null or evening is not null));`,
    fill: [
      `insert into readings
       select i / 30, '2026-01-01'::date + i % 30, i % 40, i % 30 from ${HALF}`,
    ],
    read: `select morning, evening from readings where ${DAY}`,
    write: `update readings set morning = $2::int where ${DAY}`,
  },
  new: {
    schema: `create table measurements (sensor int, day date,
      half text check (half in ('am', 'pm')), value int not null,
      primary key (sensor, day, half));`,
    fill: [
      `insert into measurements
       select i / 30, '2026-01-01'::date + i % 30, v.half, v.value
       from ${HALF}, lateral (values ('am', i % 40), ('pm', i % 30)) as v(half, value)`,
    ],
    read: `select half, value from measurements where ${DAY} order by half`,
    write: `update measurements set value = $2::int where ${DAY} and half = 'am'`,
  },
};

export const KINDS_OF_SLICES: readonly KindCase[] = [
  mergeTablesOuter,
  moveColumn,
  unnestColumn,
  nestTable,
  partitionRows,
  uniteTables,
  rekeyTable,
  custom,
];
