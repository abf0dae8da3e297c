// merge_tables through every phase: several tables of the old release become one.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('tables that become one', () => {
  it('where each row of the second may be missing', () =>
    lifecycleCase({
      from: `create table infos (id bigint primary key, surname text not null, email text);
        create table logins (id bigint primary key references infos (id) on delete cascade,
          username text not null unique, twofa boolean not null default false, note text,
          fee numeric(6, 2) not null default 0);`,
      to: `create table infos (id bigint primary key, surname text not null, email text,
        username text unique, twofa boolean not null default false, note text,
        fee numeric(6, 2) not null default 0);`,
      evolution: `changes:
  - merge_tables:
      into: infos
      from:
        infos: {}
        logins: {}
`,
      seed: {
        old: `insert into infos values (1, 'Ada', 'a@x'), (2, 'Bob', null), (3, 'Cy', 'c@x');
          insert into logins values (1, 'ada', true, 'n'), (3, 'cy', false, null);`,
        new: `insert into infos values (1, 'Ada', 'a@x', 'ada', true, 'n'),
          (2, 'Bob', null, null, false, null), (3, 'Cy', 'c@x', 'cy', false, null);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into infos values (${n}0, 'old ${n}', null)`,
          `insert into infos values (${n}0, 'old ${n}', null)`,
        ),
        oldWrite(
          `insert into logins values (${n}0, 'old${n}', true, 'by old')`,
          `update infos set username = 'old${n}', twofa = true, note = 'by old' where id = ${n}0`,
        ),
        newWrite(
          `insert into infos values (${n}1, 'new ${n}', 'e', 'new${n}', true, null)`,
          `insert into infos values (${n}1, 'new ${n}', 'e');
            insert into logins values (${n}1, 'new${n}', true, null)`,
        ),
        newWrite(
          `insert into infos (id, surname) values (${n}2, 'bare ${n}')`,
          `insert into infos (id, surname) values (${n}2, 'bare ${n}')`,
        ),
        newWrite(
          `update infos set username = 'got${n}', note = 'now' where id = ${n}2`,
          `insert into logins values (${n}2, 'got${n}', false, 'now')`,
        ),
        newWrite(
          `update infos set surname = surname || '!', twofa = not twofa where username is not null`,
          `update infos set surname = surname || '!'
             where exists (select from logins l where l.id = infos.id);
           update logins set twofa = not twofa`,
        ),
        oldWrite(
          `update logins set note = coalesce(note, '') || '.' where id % 2 = 1`,
          `update infos set note = coalesce(note, '') || '.'
             where id % 2 = 1 and username is not null`,
        ),
        oldWrite(`update infos set email = 'e${n}' where id <= 3`),
        oldWrite(
          `delete from logins where id = ${n}0`,
          `update infos set username = null, twofa = false, note = null where id = ${n}0`,
        ),
        newWrite(
          `update infos set username = null, twofa = false, note = null where id = ${n}1`,
          `delete from logins where id = ${n}1`,
        ),
        newWrite(`delete from infos where id = ${n}2`),
        oldWrite(`delete from infos where id = ${n - 1}1`),
        oldWrite(
          `truncate logins; insert into logins values (3, 'cyd', true, 'n${n}')`,
          `update infos set username = null, twofa = false, note = null;
           update infos set username = 'cyd', twofa = true, note = 'n${n}' where id = 3`,
        ),
      ],
      refused: (n) => [
        {
          by: 'new',
          sql: `insert into infos (id, surname, note) values (${n}9, 'x', 'of no login')`,
          lens: 'HL001',
          dual: 'HL001',
        },
      ],
    }));

  it('under other names, with values of their own, and references to each of them', () =>
    lifecycleCase({
      from: `create table users (uid int primary key, name text not null, mb int not null default 1,
          extra text);
        create table settings (owner int primary key references users (uid) on delete cascade,
          theme text not null, mb int, hidden text);
        create table stats (user_id int primary key references users (uid) on delete cascade
          on update cascade, logins int not null default 0, seen timestamptz);
        create table notes (id int primary key, about int references settings (owner),
          author int not null references users (uid) on delete cascade);`,
      to: `create table accounts (id int primary key, name text not null, bytes bigint not null,
          style text, quota int not null default 5, logins bigint not null, last_seen timestamptz,
          color text not null default 'red');
        create table notes (id int primary key, about int references accounts (id),
          author int not null references accounts (id) on delete cascade);`,
      evolution: `changes:
  - rename_column: { table: users, column: uid, to: id }
  - convert_column: { table: users, column: mb, to: bytes, up: mb::bigint * 1024,
      down: (bytes / 1024)::int }
  - rename_column: { table: settings, column: theme, to: style }
  - rename_column: { table: settings, column: mb, to: quota }
  - rename_column: { table: stats, column: seen, to: last_seen }
  - merge_tables:
      into: accounts
      from:
        users: { key: { uid: id } }
        settings: { when: style is not null, otherwise: { quota: 7 } }
        stats: { when: logins <> 0 or last_seen is not null, otherwise: { logins: 0 } }
`,
      seed: {
        old: `insert into users values (1, 'Ada', 2, 'x'), (2, 'Bob', 3, null);
          insert into settings values (1, 'dark', 9, 'h');
          insert into stats values (1, 4, '2026-01-01'), (2, 1, null);
          insert into notes values (1, 1, 2);`,
        new: `insert into accounts values (1, 'Ada', 2048, 'dark', 9, 4, '2026-01-01', 'red'),
            (2, 'Bob', 3072, null, 7, 1, null, 'red');
          insert into notes values (1, 1, 2);`,
      },
      writes: (n) => [
        newWrite(
          `insert into accounts (id, name, bytes, style, quota, logins, color)
             values (${n}3, 'new', 4096, 'light', 8, 2, 'blue')`,
          `insert into users (uid, name, mb) values (${n}3, 'new', 4);
           insert into settings (owner, theme, mb) values (${n}3, 'light', 8);
           insert into stats (user_id, logins) values (${n}3, 2)`,
        ),
        oldWrite(
          `insert into users (uid, name, mb) values (${n}4, 'old', 5)`,
          `insert into accounts (id, name, bytes, quota, logins) values (${n}4, 'old', 5120, 7, 0)`,
        ),
        newWrite(
          `update accounts set logins = logins + 1, bytes = bytes * 2 where id in (${n}4, 2)`,
          `insert into stats (user_id, logins) select uid, 0 from users where uid = ${n}4
             on conflict do nothing;
           update stats set logins = logins + 1 where user_id in (${n}4, 2);
           update users set mb = mb * 2 where uid in (${n}4, 2)`,
        ),
        oldWrite(
          `update users set uid = ${n}5 where uid = ${n}4`,
          `update accounts set id = ${n}5 where id = ${n}4`,
        ),
        newWrite(
          `insert into notes values (${n}, 1, ${n}3)`,
          `insert into notes values (${n}, 1, ${n}3)`,
        ),
        oldWrite(
          `delete from settings where owner = ${n}3`,
          `update accounts set style = null, quota = 7 where id = ${n}3`,
        ),
        oldWrite(
          `delete from stats where user_id = ${n}3`,
          `update accounts set logins = 0, last_seen = null where id = ${n}3`,
        ),
        newWrite(
          `update accounts set id = ${n}6 where id = ${n}5`,
          `update users set uid = ${n}6 where uid = ${n}5`,
        ),
        newWrite(`delete from accounts where id = ${n}3`, `delete from users where uid = ${n}3`),
      ],
      ignored: ['users.extra', 'settings.hidden', 'accounts.color'],
    }));
});
