// Evolutions whose plans are held to the truth: all kinds of crossings, and all that hangs on
// tables.

import { readFileSync } from 'node:fs';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  warehouseRows,
} from '../evolving/warehouse.js';

export interface Case {
  readonly title: string;
  readonly from: string;
  readonly to: string;
  readonly changes: string | null;
  /** Rows of the old release. */
  readonly rows: string;
}

/** A directory of releases 1.0 and 2.0. */
function directory(path: string): Pick<Case, 'from' | 'to' | 'changes'> {
  const read = (file: string) =>
    readFileSync(new URL(`../../${path}/${file}`, import.meta.url), 'utf8');
  return {
    from: read('1.0/schema.sql'),
    to: read('2.0/schema.sql'),
    changes: read('2.0/evolution.yaml').replace(/^from:.*$/m, ''),
  };
}

export const CASES: readonly Case[] = [
  {
    title: 'the inventory',
    ...directory('examples/inventory/releases'),
    rows: `insert into sites values ('x', 'X');
      insert into hosts (name, owner, site, memory_mb, last_seen)
      select 'h' || i, 'o', 'x', 4, case when i % 2 = 0 then now() end
      from generate_series(1, 40) as i;
      insert into events (host_id, kind, message) select id, 'k', 'm' from hosts;
      create schema reports; create view reports.cities as select city, kind from sites, events`,
  },
  {
    title: 'pgbench',
    ...directory('test/pgbench/releases'),
    rows: `insert into pgbench_branches values (1, 0);
      insert into pgbench_tellers select i, 1, 0 from generate_series(1, 10) as i;
      insert into pgbench_accounts select i, 1, 0 from generate_series(1, 100) as i`,
  },
  {
    title: 'the warehouse',
    from: WAREHOUSE_OLD,
    to: WAREHOUSE_NEW,
    changes: WAREHOUSE_CHANGES,
    rows: warehouseRows(50),
  },
  {
    title: 'columns that are added with rules, and renamed, on tables that stay',
    from: `create function note() returns trigger language plpgsql as
        $$ begin return null; end $$;
      create table owners (id serial primary key, mail text not null unique,
        rank int default 1 constraint ranked check (rank > 0));
      create table cars (id int generated always as identity primary key,
        owner int references owners (id) on delete cascade, plate text, gone text,
        constraint plated unique (plate));
      create index cars_owner on cars (owner);
      create trigger noted after update on cars for each row execute function note();
      create rule kept as on delete to owners where old.rank > 9 do instead nothing;`,
    to: `create function note() returns trigger language plpgsql as
        $$ begin return null; end $$;
      create table people (id serial primary key, address text not null unique,
        rank int default 2 constraint ranked check (rank > 0));
      create table cars (id int generated always as identity primary key,
        owner int references people (id) on delete cascade, plate text not null,
        color text not null default 'red', at timestamptz not null default now(),
        constraint plate_form check (length(plate) < 9),
        constraint plated unique (plate));
      create index cars_of_owner on cars (owner);
      create index cars_color on cars (color);`,
    changes: `changes:
  - rename_table: { table: owners, to: people }
  - rename_column: { table: owners, column: mail, to: address }
`,
    rows: `insert into owners (mail) values ('a'), ('b');
      insert into cars (owner, plate) values (1, 'p'), (2, 'q')`,
  },
  {
    title: 'keys of every kind, between tables that are rebuilt, kept and added',
    from: `create table h (id int primary key, v int, a int, code text unique);
      create table r (id bigserial primary key, v int, parent bigint references r (id));
      create table kid (id int primary key, r bigint references r (id) on delete set null,
        h int not null references h (id));
      create table gone (id int primary key, h int references h (id), r bigint references r (id));`,
    to: `create table h (id int primary key, v int, a int, code text unique);
      create table r (id bigserial primary key, v bigint, parent bigint references r (id),
        h int references h (id), w int unique);
      create table kid (id int primary key, r bigint references r (id) on delete set null,
        h int not null references h (id), constraint kid_h unique (h, id));
      create table tags (id serial primary key, h int references h (id) on delete cascade,
        r bigint references r (id) on delete cascade, held bigint references r (id));
      create index tags_h on tags (h);
      create table notes (tag int references tags (id), kid int references kid (id));`,
    changes: null,
    rows: `insert into h values (1, 1, 1, 'c'), (2, 2, 2, 'd');
      insert into r (v, parent) values (1, null), (2, 1);
      insert into kid values (1, 1, 1), (2, 2, 2); insert into gone values (1, 1, 1)`,
  },
  {
    title: 'sequences and identities that are handed over',
    from: `create table t (id int generated by default as identity (increment 10) primary key,
        v int);
      create table u (id serial primary key, v int);`,
    to: `create table t (id int generated by default as identity (increment 10) primary key,
        v bigint);
      create table u (id serial primary key, v bigint, n bigserial);
      create sequence down increment -1;
      create table added (id int generated always as identity, x int default nextval('down'));`,
    changes: null,
    rows: `insert into t (v) values (1), (2); insert into u (v) values (1), (2)`,
  },
  {
    title: 'a split whose parts hold what only the new release knows',
    from: `create table parents (id int primary key, name text not null, info text);
      create table children (id int primary key, parent int references parents (id));`,
    to: `create table parents (id int primary key, name text not null);
      create table infos (parent int primary key references parents (id) on delete restrict,
        info text not null, score int, label text unique);
      create table children (id int primary key, parent int references parents (id));`,
    changes: `changes:
  - split_table:
      table: parents
      into:
        parents: {}
        infos: { key: { parent: id }, when: info is not null }
`,
    rows: `insert into parents values (1, 'a', 'i'), (2, 'b', null);
      insert into children values (1, 1), (2, 2)`,
  },
  {
    title: 'tables that become one, and a table that refers to both',
    from: `create table infos (id int primary key, name text);
      create table logins (id int primary key references infos (id) on delete cascade,
        word text not null);
      create table uses (id int primary key, info int references infos (id),
        login int references logins (id));`,
    to: `create table people (id int primary key, name text, word text);
      create table uses (id int primary key, info int references people (id),
        login int references people (id));`,
    changes: `changes:
  - merge_tables: { into: people, from: { infos: {}, logins: {} } }
`,
    rows: `insert into infos values (1, 'a'), (2, 'b'); insert into logins values (1, 'w');
      insert into uses values (1, 1, 1), (2, 2, null)`,
  },
];

/** All tables of 2.0 are in its own schema, whether or not 3.0 leaves them alone. */
export const MOVED = {
  line: [
    {
      version: '1.0',
      schema: `create table a (id serial primary key, old text);
        create table b (id int primary key, old text, a int references a (id));
        create table c (id int primary key, old text);`,
      changes: null,
    },
    {
      version: '2.0',
      schema: `create table a (id serial primary key, name text);
        create table b (id int primary key, name text, a int references a (id));
        create table c (id int primary key, name text);`,
      changes: `changes:
  - rename_column: { table: a, column: old, to: name }
  - rename_column: { table: b, column: old, to: name }
  - rename_column: { table: c, column: old, to: name }
`,
    },
    {
      version: '3.0',
      schema: `create table a (id serial primary key, name text);
        create table b (id int primary key, name text, a bigint references a (id));
        create table c (id int primary key, title text);`,
      changes: `changes:
  - rename_column: { table: c, column: name, to: title }
`,
    },
  ],
  rows: `insert into a (old) values ('x'); insert into b values (1, 'x', 1);
    insert into c values (1, 'x')`,
} as const;
