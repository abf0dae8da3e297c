// Values of the new release that do not follow from the old row, with `keep`: through every phase.

import { describe, expect, it } from 'vitest';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';
import { lines, refusal, sides } from './session-sides.js';

describe('a value that is kept', () => {
  it('counts until the old release writes what another one follows from', () =>
    lifecycleCase({
      from: `create table t (id int primary key, name text not null,
        is_open boolean not null default false, size int, note text);`,
      to: `create table t (id int primary key, name text not null, slug text not null unique,
        access text not null check (access in ('private', 'internal', 'public')),
        spec json, note text, own text default '-');`,
      evolution: `changes:
  - add_column: { table: t, column: slug, up: "lower(name) || '-' || id", keep: true }
  - convert_column:
      table: t
      column: is_open
      to: access
      up: case when is_open then 'public' else 'private' end
      down: access = 'public'
      keep: true
  - convert_column:
      table: t
      column: size
      to: spec
      up: json_build_object('size', size)
      down: (spec ->> 'size')::int
      keep: true
`,
      seed: {
        old: `insert into t values (1, 'A', true, 5), (2, 'B', false, null);`,
        new: `insert into t values (1, 'A', 'a-1', 'public', '{"size" : 5}'),
          (2, 'B', 'b-2', 'private', '{"size" : null}');`,
      },
      writes: (n) => [
        newWrite(
          `insert into t values (${n}01, 'N', 'own-${n}', 'internal', '{"size": ${n}, "x": 1.0}')`,
          `insert into t values (${n}01, 'N', false, ${n})`,
        ),
        oldWrite(
          `insert into t values (${n}02, 'O', true, ${n})`,
          `insert into t values (${n}02, 'O', 'o-${n}02', 'public', '{"size" : ${n}}')`,
        ),
        newWrite(`update t set slug = 'mine-${n}' where id = ${n}02`, `select`),
        newWrite(
          `update t set access = 'internal', note = 'x' where id in (1, ${n}02)`,
          `update t set is_open = false, note = 'x' where id in (1, ${n}02)`,
        ),
        // What follows stays the same.
        oldWrite(
          `update t set note = 'old ${n}', is_open = is_open`,
          `update t set note = 'old ${n}'`,
        ),
        oldWrite(`update t set name = lower(name) where id = ${n}02`),
        newWrite(
          `update t set note = slug where id = ${n}02`,
          `update t set note = 'mine-${n}'
          where id = ${n}02`,
        ),
        // Something else follows, and then the same as before.
        oldWrite(
          `update t set is_open = true where id = ${n}02`,
          `update t set access = 'public' where id = ${n}02`,
        ),
        oldWrite(
          `update t set is_open = false where id = ${n}02`,
          `update t set access = 'private' where id = ${n}02`,
        ),
        oldWrite(
          `update t set name = 'P', size = size + 1 where id = ${n}01`,
          `update t set name = 'P', slug = 'p-${n}01', spec = '{"size" : ${n + 1}}'
            where id = ${n}01`,
        ),
        newWrite(`update t set slug = 'q-${n}', own = 'its' where id = ${n}01`, 'select'),
        // With what is kept, a key moves; a key that is used again starts anew.
        oldWrite(
          `update t set id = ${n}03, name = name where id = ${n}01`,
          `update t set id = ${n}03, slug = 'p-${n}03' where id = ${n}01`,
        ),
        oldWrite(
          `update t set id = -id where id = 2`,
          `update t set id = -2, slug = 'b--2' where id = 2`,
        ),
        newWrite(`update t set access = 'internal', slug = 'two' where id = -2`, 'select'),
        oldWrite(`delete from t where id = -2`),
        oldWrite(
          `insert into t values (2, 'B', false, null)`,
          `insert into t values (2, 'B', 'b-2', 'private', '{"size" : null}')`,
        ),
        newWrite(
          `update t set name = 'R', slug = 'r-${n}' where id = ${n}03`,
          `update t set name = 'R' where id = ${n}03`,
        ),
        // What followed from the key it had is a value of its own under another.
        newWrite(`update t set id = ${n}04 where id = ${n}03`),
        newWrite(`delete from t where id = ${n - 1}04`),
        newWrite(
          `update t set access = 'public' where id = 1`,
          `update t set is_open = true where id = 1`,
        ),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update t set slug = 'b-2' where id = 1`,
          lens: '23505',
          dual: '23505',
        },
        {
          by: 'new',
          sql: `update t set access = 'secret' where id = 1`,
          lens: '23514',
          dual: '23514',
        },
      ],
      lostByAbort: `update t set own = default, slug = lower(name) || '-' || id,
        access = case when access = 'public' then 'public' else 'private' end,
        spec = json_build_object('size', (spec ->> 'size')::int)`,
    }));

  it('goes with a part that comes and goes, and with its rows', () =>
    lifecycleCase({
      from: `create table users (id int primary key, name text, mail text, is_admin boolean);`,
      to: `create table users (id int primary key, name text);
        create table logins (user_id int primary key references users (id) on delete cascade,
          mail text not null, role text not null default 'none', shown text);`,
      evolution: `changes:
  - split_table:
      table: users
      into:
        users: {}
        logins: { key: { user_id: id }, when: mail is not null }
  - convert_column:
      table: users
      column: is_admin
      to: role
      up: case when is_admin then 'admin' else 'none' end
      down: role = 'admin'
      keep: true
  - add_column: { table: logins, column: shown, up: "split_part(mail, '@', 1)", keep: true }
`,
      seed: {
        old: `insert into users values (1, 'A', 'a@x', true), (2, 'B', null, null);`,
        new: `insert into users values (1, 'A'), (2, 'B');
          insert into logins values (1, 'a@x', 'admin', 'a');`,
      },
      writes: (n) => [
        oldWrite(`insert into users (id, name) values (${n}01, 'N')`),
        newWrite(
          `insert into logins select id, 'n@x', 'editor', 'Me' from users where id = ${n}01`,
          `update users set mail = 'n@x', is_admin = false where id = ${n}01`,
        ),
        oldWrite(`update users set name = 'M' where id = ${n}01`),
        newWrite(
          `update logins set role = 'reader' where user_id in (1, ${n}01)`,
          `update users set is_admin = false where id in (1, ${n}01)`,
        ),
        oldWrite(
          `update users set mail = 'other@y' where id = ${n}01`,
          `update logins set mail = 'other@y', shown = 'other' where user_id = ${n}01`,
        ),
        newWrite(`update logins set shown = null where user_id = ${n}01`, 'select'),
        // Without its row nothing is left of what was kept.
        oldWrite(
          `update users set mail = null, is_admin = null where id = ${n}01`,
          `delete from logins where user_id = ${n}01`,
        ),
        oldWrite(
          `update users set mail = 'other@y', is_admin = false where id = ${n}01`,
          `insert into logins select id, 'other@y', 'none', 'other' from users where id = ${n}01`,
        ),
        newWrite(`update logins set shown = 'Me again' where user_id = ${n}01`, 'select'),
        newWrite(
          `delete from logins where user_id = ${n}01`,
          `update users set mail = null, is_admin = null where id = ${n}01`,
        ),
        newWrite(
          `insert into logins select id, 'other@y', 'none', 'other' from users where id = ${n}01`,
          `update users set mail = 'other@y', is_admin = false where id = ${n}01`,
        ),
        newWrite(`update logins set role = 'reader' where user_id = ${n}01`, 'select'),
        newWrite(`delete from users where id = ${n - 1}01`),
        oldWrite(
          `update users set is_admin = true where id = 1`,
          `update logins set role = 'admin' where user_id = 1`,
        ),
      ],
      lostByAbort: `update logins set shown = split_part(mail, '@', 1),
        role = case when role = 'admin' then 'admin' else 'none' end`,
    }));

  it('may be a label that only the new release has', () =>
    lifecycleCase({
      from: `create type state as enum ('open', 'closed');
        create table t (id int primary key, state state not null default 'open');`,
      to: `create type state as enum ('open', 'closed', 'archived');
        create table t (id int primary key, state state not null default 'open');`,
      evolution: `changes:
  - convert_column:
      table: t
      column: state
      up: state::text
      down: case state::text when 'archived' then 'closed' else state::text end
      keep: true
`,
      seed: {
        old: `insert into t values (1, 'open'), (2, 'closed');`,
        new: `insert into t values (1, 'open'), (2, 'closed');`,
      },
      writes: (n) => [
        newWrite(
          `insert into t values (${n}01, 'archived')`,
          `insert into t values (${n}01, 'closed')`,
        ),
        newWrite(
          `update t set state = 'archived' where id = 2`,
          `update t set state = 'closed' where id = 2`,
        ),
        oldWrite(`update t set state = 'open' where id = ${n}01`),
        oldWrite(`insert into t (id) values (${n}02)`),
      ],
      lostByAbort: `update t set state = 'closed' where state = 'archived'`,
    }));
});

describe('a value that a prepared shard would keep', () => {
  it('is refused unless it follows from the old row', async () => {
    const { old, new: fresh } = await sides(
      'create table t (id int primary key, is_open boolean not null);',
      'create table t (id int primary key, access text not null);',
      `changes:
  - convert_column:
      table: t
      column: is_open
      to: access
      up: case when is_open then 'public' else 'private' end
      down: access = 'public'
      keep: true
`,
      'insert into t values (1, true), (2, false);',
    );
    await fresh.query("insert into t values (3, 'public')");
    await fresh.query("update t set access = 'private' where id = 1");
    expect(await refusal(fresh, "update t set access = 'internal' where id = 2")).toContain(
      'HL001',
    );
    expect(await lines(fresh, 'select * from t order by id')).toEqual([
      '1|private',
      '2|private',
      '3|public',
    ]);
    expect(await lines(old, 'select * from t order by id')).toEqual(['1|f', '2|f', '3|t']);
  });
});

describe('a value that follows', () => {
  it('does so, and so do all old columns, where the new release writes one of them', async () => {
    const compiled = await compilePair(
      `create table t (id int primary key, name text not null, note text);
       create table people (id int primary key, first text, last text not null);`,
      `create table t (id int primary key, name text not null);
       create table people (id int primary key, whole text);
       create table notes (id int primary key references t (id), note text, both_of text);`,
      `changes:
  - split_table: { table: t, into: { t: {}, notes: {} } }
  - add_column: { table: notes, column: both_of, up: "name || coalesce(note, '-')" }
  - convert_column:
      table: people
      columns: [first, last]
      to: whole
      up: first || ' ' || last
      down: { first: "split_part(whole, ' ', 1)", last: "coalesce(split_part(whole, ' ', 2), '')" }
`,
    );
    const shard = await installShard(compiled);
    try {
      await withClient(shard.url, null, async (asOld) => {
        await asOld.query(`insert into t values (1, 'a', 'n'), (2, 'b', null), (3, 'c', 'x')`);
        for (const [verb, sign] of [
          ['prepare', '!'],
          ['expand', '?'],
        ] as const) {
          await shard.run(verb);
          await asOld.query(`insert into people values (1, null, 'B')
            on conflict (id) do update set first = null, last = 'B'`);
          await withClient(shard.url, NEW_PATH, async (asNew) => {
            await asNew.query(`update people set whole = 'A '`);
            const people = await asOld.query('select first, last from people');
            expect(people.rows).toEqual([{ first: 'A', last: '' }]);
            await asNew.query(`update t set name = name || '${sign}' where id = 1`);
            await asNew.query(`update notes set note = '${sign}' where id in (2, 3)`);
            const { rows } = await asNew.query('select both_of from notes order by id');
            const name = verb === 'prepare' ? 'a!' : 'a!?';
            expect(rows.map((row) => row.both_of)).toEqual([`${name}n`, `b${sign}`, `c${sign}`]);
          });
        }
        await shard.run('verify');
      });
    } finally {
      await shard.drop();
    }
  });
});
