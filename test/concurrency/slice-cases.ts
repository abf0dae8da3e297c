// Evolutions whose slices hold many rows, each with writers of both releases on the same slices.

import { type Account, HOT } from './account.js';
import type { Writer } from './load.js';
import { namedWriters } from './named-writers.js';
import {
  ALONE,
  CHILDREN,
  flatWriters,
  moveWriters,
  PLACES,
  rowWriters,
  shareWriters,
} from './slice-writers.js';

/** With those that only the backfill has to do with. */
export const SLICES = 1500;

export interface SliceCase {
  readonly from: string;
  readonly to: string;
  readonly evolution: string;
  /** Rows of the old release, for so many slices. */
  readonly seed: (slices: number) => string;
  readonly writers: (account: Account) => Writer[];
  /** What each release holds of the account, as `key` and `value`. */
  readonly held: { readonly old: string; readonly new: string };
}

const FLAT = `create table orders (id int primary key, title text not null,
  n bigint not null default 0, scores int[] not null, tags text[] not null);`;
const ROWS = `create table orders (id int primary key, title text not null,
    n bigint not null default 0);
  create table scores (order_id int references orders (id) on delete cascade, place int,
    score int not null, primary key (order_id, place));
  create table tags (order_id int references orders (id) on delete cascade, tag text,
    primary key (order_id, tag));`;
const N_HELD = `select 'n ' || id as key, n::text as value from orders where id <= ${HOT}`;
const FLAT_HELD = `${N_HELD}
  union all select 'score ' || id || '/' || e.place, e.score::text
  from orders, unnest(scores) with ordinality as e(score, place) where id <= ${HOT}
  union all select 'tag ' || id || ' ' || tag, '1' from orders, unnest(tags) as tag
  where id <= ${HOT} or id >= 100000`;
const ROWS_HELD = `${N_HELD}
  union all select 'score ' || order_id || '/' || place, score::text from scores
  where order_id <= ${HOT}
  union all select 'tag ' || order_id || ' ' || tag, '1' from tags
  where order_id <= ${HOT} or order_id >= 100000`;
const ids = (slices: number) => `generate_series(1, ${slices}) as i`;
const ZEROS = `array_fill(0, array[${PLACES}])`;

const unnest: SliceCase = {
  from: FLAT,
  to: ROWS,
  evolution: `changes:
  - unnest_column: { table: orders, column: scores, into: scores, value: score, position: place }
  - unnest_column: { table: orders, column: tags, into: tags, value: tag }
`,
  seed: (slices) => `insert into orders select i, 'o', 0, ${ZEROS},
    case when i > ${HOT} then '{x,y}'::text[] else '{}' end from ${ids(slices)}`,
  writers: (account) => [...flatWriters(account, 'old'), ...rowWriters(account, 'new')],
  held: { old: FLAT_HELD, new: ROWS_HELD },
};

const nest: SliceCase = {
  from: ROWS,
  to: FLAT,
  evolution: `changes:
  - nest_table: { table: scores, into: orders, column: scores, value: score, position: place }
  - nest_table: { table: tags, into: orders, column: tags, value: tag }
`,
  seed: (slices) => `insert into orders select i, 'o' from ${ids(slices)};
    insert into scores select i, p, 0 from ${ids(slices)}, generate_series(1, ${PLACES}) as p;
    insert into tags select i, t from ${ids(slices)}, unnest('{x,y}'::text[]) as t
    where i > ${HOT}`,
  writers: (account) => [...rowWriters(account, 'old'), ...flatWriters(account, 'new')],
  held: { old: ROWS_HELD, new: FLAT_HELD },
};

const EVENTS = `create table events (id int primary key, kind text not null,
  n bigint not null default 0);`;
const SHARES = `create table logins (id int primary key, n bigint not null default 0);
  create table clicks (id int primary key, n bigint not null default 0);`;
const SHARING = `{ when: kind = 'login', values: { kind: "'login'" } }`;
const SHARING_TOO = `{ when: kind = 'click', values: { kind: "'click'" } }`;
const WHOLE_HELD = `select 'n ' || id as key, n::text as value from events
  where id <= ${HOT} or id >= 100000`;
const SHARES_HELD = WHOLE_HELD.replace(
  'from events',
  'from (select * from logins union all select * from clicks) as both_tables',
);

const partition: SliceCase = {
  from: EVENTS,
  to: SHARES,
  evolution: `changes:
  - partition_rows: { table: events, into: { logins: ${SHARING}, clicks: ${SHARING_TOO} } }
`,
  seed: (slices) =>
    `insert into events select i, case when i % 2 = 0 then 'login' else 'click' end
    from ${ids(slices)}`,
  writers: (account) => [
    ...shareWriters(account, 'old', 'whole'),
    ...shareWriters(account, 'new', 'shares'),
  ],
  held: { old: WHOLE_HELD, new: SHARES_HELD },
};

const unite: SliceCase = {
  from: SHARES,
  to: EVENTS,
  evolution: `changes:
  - unite_tables: { into: events, from: { logins: ${SHARING}, clicks: ${SHARING_TOO} } }
`,
  seed: (slices) => `insert into logins select i from ${ids(slices)} where i % 2 = 0;
    insert into clicks select i from ${ids(slices)} where i % 2 = 1`,
  writers: (account) => [
    ...shareWriters(account, 'old', 'shares'),
    ...shareWriters(account, 'new', 'whole'),
  ],
  held: { old: SHARES_HELD, new: WHOLE_HELD },
};

const COUNTED = `select 'parent ' || id as key, n::text as value from parents where id <= ${HOT}
  union all select 'child ' || id, n::text from children
  where id <= ${HOT * CHILDREN} or id >= 100000`;

const move: SliceCase = {
  from: `create table parents (id int primary key, n bigint not null default 0,
      x int not null default 0);
    create table children (id int primary key, parent int not null references parents (id),
      n bigint not null default 0);
    create index on children (parent);`,
  to: `create table parents (id int primary key, n bigint not null default 0);
    create table children (id int primary key, parent int not null references parents (id),
      n bigint not null default 0, x int not null default 0);
    create index on children (parent);`,
  evolution: `changes:
  - move_column: { table: parents, column: x, to: children, as: x }
`,
  seed: (slices) => `insert into parents select i from ${ids(slices)};
    insert into children select i, 1 + (i - 1) / ${CHILDREN}
    from generate_series(1, ${CHILDREN * (ALONE - 1)}) as i;
    insert into children select ${CHILDREN * ALONE} + i, i from ${ids(slices)} where i >= ${ALONE}`,
  writers: (account) => [...moveWriters(account, 'old'), ...moveWriters(account, 'new')],
  held: {
    old: `${COUNTED} union all select 'x ' || id, x::text from parents`,
    new: `${COUNTED} union all select distinct 'x ' || parent, x::text
      from children`,
  },
};

const NAMED = `select 'n ' || name as key, n::text as value from users
  where name like 'u%' or name like 'row%'
  union all select 'mail ' || m.address, m.n::text from mails as m
  join users as u on u.id = m.user_id where m.address = u.name || '@example.org'`;

/** Rows are named by what both releases know. */
const rekey: SliceCase = {
  from: `create table users (id serial primary key, name text not null unique,
      n bigint not null default 0);
    create table mails (address text primary key, n bigint not null default 0,
      user_id int not null references users (id) on delete cascade);
    create index on mails (user_id);`,
  to: `create table users (id uuid primary key default gen_random_uuid(),
      name text not null unique, n bigint not null default 0);
    create table mails (address text primary key, n bigint not null default 0,
      user_id uuid not null references users (id) on delete cascade);
    create index on mails (user_id);`,
  evolution: `changes:
  - rekey_table: { table: users, column: id }
`,
  seed: (slices) => `insert into users (name) select 'u' || i from ${ids(slices)};
    insert into mails (address, user_id) select name || '@example.org', id from users`,
  writers: (account) => [...namedWriters(account, 'old'), ...namedWriters(account, 'new')],
  held: { old: NAMED, new: NAMED },
};

export const CASES = { unnest, nest, partition, unite, move, rekey } as const;
