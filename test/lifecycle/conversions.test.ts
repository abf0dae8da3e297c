// convert_column through every phase, alone and together with a split and renames.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('a converted column', () => {
  it('changes its type and value, with identity, index, unique and check', () =>
    lifecycleCase({
      from: `create table t (id bigint generated always as identity primary key,
          code text not null unique, mb int check (mb > 0), at timestamp);
        create index t_mb on t (mb);`,
      to: `create table t (id bigint generated always as identity primary key,
          code text not null unique, bytes bigint check (bytes > 0 and bytes % 1024 = 0),
          at timestamptz);
        create index t_bytes on t (bytes);`,
      evolution: `changes:
  - convert_column:
      table: t
      columns: [mb]
      to: [bytes]
      up: { bytes: "mb::bigint * 1024" }
      down: { mb: "(bytes / 1024)::int" }
  - convert_column:
      table: t
      column: at
      up: "at at time zone 'UTC'"
      down: "at at time zone 'UTC'"
`,
      seed: {
        old: `insert into t (code, mb, at) values ('a', 1, '2026-01-01 10:00'), ('b', null, null);`,
        new: `insert into t (code, bytes, at) values ('a', 1024, '2026-01-01 10:00Z'), ('b',
          null, null);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t (code, mb) values ('old ${n}', ${n})`,
          `insert into t (code, bytes) values ('old ${n}', ${n} * 1024)`,
        ),
        newWrite(
          `insert into t (code, bytes, at) values ('new ${n}', ${n} * 2048,
            '2026-02-0${(n % 9) + 1} 00:00Z')`,
          `insert into t (code, mb, at) values ('new ${n}', ${n} * 2, '2026-02-0${(n % 9) + 1}')`,
        ),
        newWrite(
          `update t set bytes = bytes * 2 where code like '%${n}'`,
          `update t set mb = mb * 2 where code like '%${n}'`,
        ),
        oldWrite(
          `update t set mb = mb + 1 where code like '%${n}'`,
          `update t set bytes = bytes + 1024 where code like '%${n}'`,
        ),
        oldWrite(`update t set at = at + interval '1 hour' where at is not null`),
        newWrite(`update t set code = code || '!' where code like '%${n}'`),
        newWrite(`delete from t where code = 'old ${n - 1}!'`),
        oldWrite(`delete from t where code = 'new ${n - 1}!'`),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update t set bytes = 1500 where code = 'a'`,
          lens: '23514',
          dual: '23514',
        },
        {
          by: 'new',
          sql: `update t set code = 'b' where code = 'a'`,
          lens: '23505',
          dual: '23505',
        },
      ],
    }));

  it('keeps its name and type, or gives its name to another one', () =>
    lifecycleCase({
      from: `create table t (id int primary key, price int not null);
        create table u (id int primary key, a int, b int);`,
      to: `create table t (id int primary key, price int not null);
        create table u (id int primary key, a int, b int);`,
      evolution: `changes:
  - convert_column: { table: t, column: price, up: price * 100, down: price / 100 }
  - rename_column: { table: u, column: a, to: b }
  - rename_column: { table: u, column: b, to: a }
`,
      seed: {
        old: `insert into t values (1, 5); insert into u values (1, 7, 8);`,
        new: `insert into t values (1, 500); insert into u values (1, 8, 7);`,
      },
      writes: (n) => [
        oldWrite(`insert into t values (${n}0, 6)`, `insert into t values (${n}0, 600)`),
        newWrite(`insert into t values (${n}1, 700)`, `insert into t values (${n}1, 7)`),
        newWrite(`update t set price = price + 100`, `update t set price = price + 1`),
        oldWrite(`insert into u values (${n}0, 1, 2)`, `insert into u values (${n}0, 2, 1)`),
        newWrite(`update u set a = ${n} where id = 1`, `update u set b = ${n} where id = 1`),
        newWrite(`delete from t where id = ${n}0`),
        oldWrite(`delete from u where id = ${n}0`),
      ],
      refused: () => [{ by: 'new', sql: `update t set price = 550`, lens: 'HL001', dual: 'HL001' }],
    }));

  it('keeps its old value on the other side when the way back is lossy', () =>
    lifecycleCase({
      from: `create table t (id int primary key, price numeric(12, 4), x text);`,
      to: `create table t (id int primary key, price numeric(10, 2), x text);`,
      evolution: `changes:
  - convert_column:
      table: t
      column: price
      up: "price::numeric(10, 2)"
      down: "price::numeric(12, 4)"
`,
      seed: {
        old: `insert into t values (1, 1.2345, 'a'), (2, 2.5, 'b');`,
        new: `insert into t values (1, 1.23, 'a'), (2, 2.5, 'b');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t values (10 + ${n}, 0.1239, 'old')`,
          `insert into t values (10 + ${n}, 0.12, 'old')`,
        ),
        // A write beside the converted column must not round what the other release holds.
        newWrite(`update t set x = 'by new ${n}'`),
        newWrite(
          `update t set price = price + 1 where id = 2`,
          `update t set price = (price::numeric(10, 2) + 1)::numeric(12, 4) where id = 2`,
        ),
        newWrite(
          `insert into t values (100 + ${n}, 7.77, 'new')`,
          `insert into t values (100 + ${n}, 7.77, 'new')`,
        ),
        oldWrite(`update t set x = 'by old ${n}' where id > 50`),
      ],
    }));

  it('may become several, and several one', () =>
    lifecycleCase({
      from: `create table t (id int primary key, full_name text not null, year int, month int,
        day int);`,
      to: `create table t (id int primary key, first_name text not null,
        last_name text not null, born date);`,
      evolution: `changes:
  - convert_column:
      table: t
      columns: [full_name]
      to: [first_name, last_name]
      up:
        first_name: "split_part(full_name, ' ', 1)"
        last_name: "substr(full_name, length(split_part(full_name, ' ', 1)) + 2)"
      down:
        full_name: "case when last_name = '' then first_name else first_name || ' ' || last_name
          end"
  - convert_column:
      table: t
      columns: [year, month, day]
      to: [born]
      up: { born: "make_date(year, month, day)" }
      down:
        year: "extract(year from born)::int"
        month: "extract(month from born)::int"
        day: "extract(day from born)::int"
`,
      seed: {
        old: `insert into t values (1, 'Ann Lee', 1990, 5, 6), (2, 'Bob', null, null, null);`,
        new: `insert into t values (1, 'Ann', 'Lee', '1990-05-06'), (2, 'Bob', '', null);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t values (10 + ${n}, 'Old Timer Jr', 1980, 1, ${(n % 28) + 1})`,
          `insert into t values (10 + ${n}, 'Old', 'Timer Jr', make_date(1980, 1,
            ${(n % 28) + 1}))`,
        ),
        newWrite(
          `insert into t values (100 + ${n}, 'New', 'Comer', '2000-02-29')`,
          `insert into t values (100 + ${n}, 'New Comer', 2000, 2, 29)`,
        ),
        newWrite(
          `update t set last_name = last_name || 'x', born = born + 1 where id > 9`,
          `update t set full_name = full_name || 'x',
             year = extract(year from make_date(year, month, day) + 1),
             month = extract(month from make_date(year, month, day) + 1),
             day = extract(day from make_date(year, month, day) + 1) where id > 9`,
        ),
        oldWrite(
          `update t set year = year + 4 where month <> 2`,
          `update t set born = make_date(extract(year from born)::int + 4,
            extract(month from born)::int,
             extract(day from born)::int) where extract(month from born) <> 2`,
        ),
        newWrite(`delete from t where id = 10 + ${n - 1}`),
      ],
      refused: () => [
        // Two words in the first name do not come back as they were written.
        {
          by: 'new',
          sql: `update t set first_name = 'Mary Ann' where id = 1`,
          lens: 'HL001',
          dual: 'HL001',
        },
      ],
    }));
});

describe('a split with renames and conversions', () => {
  it('crosses as the inventory example does', () =>
    lifecycleCase({
      from: INVENTORY_OLD,
      to: INVENTORY_NEW,
      evolution: INVENTORY,
      seed: {
        old: `insert into sites values ('a', 'A');
          insert into hosts (name, owner, site, memory_mb, last_seen, heartbeat_count, status)
          values ('h1', 'o', 'a', 5, '2026-01-01', 3, 'ok'), ('h2', 'o', null, null, null, 0,
            'down');
          insert into events (host_id, kind) values (1, 'k');`,
        new: `insert into sites values ('a', 'A');
          insert into hosts (name, team, site, memory_bytes)
            values ('h1', 'o', 'a', 5 * 1048576), ('h2', 'o', null, null);
          insert into host_heartbeats values (1, null, '2026-01-01', 3, null);
          insert into host_status values (1, 'ok'), (2, 'down');
          insert into events (host_id, kind) values (1, 'k');`,
      },
      writes: inventoryWrites,
      lostByAbort: `insert into host_status (host_id) select id from hosts
        where id not in (select host_id from host_status)`,
    }));
});

const INVENTORY_OLD = `create table sites (code text primary key, city text not null);
create table hosts (
  id bigint generated always as identity primary key, name text collate "C" not null unique,
  owner text not null, site text references sites (code), memory_mb int check (memory_mb > 0),
  tags text[] not null default '{}', agent_version text, last_seen timestamptz,
  heartbeat_count bigint not null default 0, load double precision,
  status text not null default 'unknown' check (status in ('unknown', 'ok', 'degraded', 'down')),
  status_reason text);
create index hosts_owner on hosts (owner);
create table events (id bigint generated always as identity primary key,
  host_id bigint not null references hosts (id) on delete cascade, kind text not null);`;
const INVENTORY_NEW = `create table sites (code text primary key, city text not null);
create table hosts (
  id bigint generated always as identity primary key, name text collate "C" not null unique,
  team text not null, site text references sites (code),
  memory_bytes bigint check (memory_bytes > 0 and memory_bytes % 1048576 = 0),
  tags text[] not null default '{}');
create index hosts_team on hosts (team);
create table host_heartbeats (host_id bigint primary key references hosts (id) on delete cascade,
  agent_version text, last_seen timestamptz not null, heartbeat_count bigint not null default 0,
  load double precision);
create table host_status (host_id bigint primary key references hosts (id) on delete cascade,
  status text not null default 'unknown' check (status in ('unknown', 'ok', 'degraded', 'down')),
  reason text);
create table events (id bigint generated always as identity primary key,
  host_id bigint not null references hosts (id) on delete cascade, kind text not null);`;
const INVENTORY = `changes:
  - rename_column: { table: hosts, column: owner, to: team }
  - rename_column: { table: hosts, column: status_reason, to: reason }
  - convert_column:
      table: hosts
      columns: [memory_mb]
      to: [memory_bytes]
      up: { memory_bytes: "memory_mb::bigint * 1048576" }
      down: { memory_mb: "(memory_bytes / 1048576)::int" }
  - split_table:
      table: hosts
      into:
        hosts: {}
        host_heartbeats:
          key: { host_id: id }
          when: last_seen is not null
          otherwise: { heartbeat_count: "0" }
        host_status:
          key: { host_id: id }
`;

function inventoryWrites(n: number) {
  return [
    oldWrite(
      `insert into hosts (name, owner, site, memory_mb) values ('old ${n}', 'x', 'a', ${n})`,
      `with h as (insert into hosts (name, team, site, memory_bytes)
         values ('old ${n}', 'x', 'a', ${n} * 1048576::bigint) returning id)
       insert into host_status (host_id) select id from h`,
    ),
    newWrite(
      `insert into hosts (name, team, memory_bytes) values ('new ${n}', 'y', 1048576)`,
      `insert into hosts (name, owner, memory_mb) values ('new ${n}', 'y', 1)`,
    ),
    newWrite(
      `insert into host_status (host_id, status)
        select id, 'ok' from hosts where name = 'new ${n}'`,
      `update hosts set status = 'ok' where name = 'new ${n}'`,
    ),
    newWrite(
      `insert into host_heartbeats (host_id, last_seen, load)
       select id, '2026-03-03', 0.5 from hosts where name in ('old ${n}', 'new ${n}')`,
      `update hosts set last_seen = '2026-03-03', load = 0.5
        where name in ('old ${n}', 'new ${n}')`,
    ),
    oldWrite(
      `update hosts set heartbeat_count = heartbeat_count + 1, agent_version = 'v${n}'
        where last_seen is not null`,
      `update host_heartbeats set heartbeat_count = heartbeat_count + 1, agent_version = 'v${n}'`,
    ),
    newWrite(
      `update host_heartbeats set heartbeat_count = heartbeat_count + 1`,
      `update hosts set heartbeat_count = heartbeat_count + 1 where last_seen is not null`,
    ),
    newWrite(
      `update hosts set memory_bytes = memory_bytes * 2, tags = tags || '{n}'
        where name like '%${n}'`,
      `update hosts set memory_mb = memory_mb * 2, tags = tags || '{n}' where name like '%${n}'`,
    ),
    newWrite(
      `insert into events (host_id, kind) select id, 'new' from hosts where name = 'new ${n}'`,
    ),
    oldWrite(
      `insert into events (host_id, kind) select id, 'old' from hosts where name = 'new ${n}'`,
    ),
    newWrite(
      `delete from host_heartbeats using hosts where id = host_id and name = 'old ${n}'`,
      `update hosts set last_seen = null, agent_version = null, load = null, heartbeat_count = 0
       where name = 'old ${n}'`,
    ),
    newWrite(
      `delete from host_status using hosts where id = host_id and name = 'old ${n}'`,
      `update hosts set status = 'unknown', status_reason = null where name = 'old ${n}'`,
    ),
    newWrite(`delete from hosts where name = 'old ${n - 1}'`),
    oldWrite(`delete from hosts where name = 'new ${n - 1}'`),
  ];
}
