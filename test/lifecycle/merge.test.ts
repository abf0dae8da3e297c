// merge_tables through every phase: several tables of the old release become one.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('tables that become one', () => {
  it('where each row of the second may be missing', () =>
    lifecycleCase({
      from: `create table infos (id bigint primary key, surname text not null, email text);
        create table logins (id bigint primary key references infos (id) on delete cascade,
          username text not null unique, twofa boolean not null default false, note text);`,
      to: `create table infos (id bigint primary key, surname text not null, email text,
        username text unique, twofa boolean not null default false, note text);`,
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
      ],
      refused: () => [],
    }));
});
