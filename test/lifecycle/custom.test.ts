// custom through every phase: queries that the author states.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite, type Write } from './lifecycle-case.js';

describe('a change that is stated as queries', () => {
  it('makes elements of an array rows of their own', () =>
    lifecycleCase({
      from: `create table posts (id bigint primary key, title text not null,
        tags text[] not null default '{}');`,
      to: `create table posts (id bigint primary key, title text not null);
        create table post_tags (post_id bigint references posts (id) on delete cascade, tag text,
          weight int not null default 1, primary key (post_id, tag));`,
      evolution: `changes:
  - custom:
      from:
        posts:
          slice: id
          query: |
            select p.id, p.title,
              array(select t.tag from post_tags t where t.post_id = p.id order by t.tag) as tags
            from posts p
      into:
        posts: { slice: id, query: "select id, title from posts" }
        post_tags:
          slice: post_id
          query: |
            select distinct p.id as post_id, t.tag
            from posts p cross join lateral unnest(p.tags) as t(tag)
`,
      seed: {
        old: `insert into posts values (1, 'a', '{x,y}'), (2, 'b', '{}'), (3, 'c', '{x}');`,
        new: `insert into posts values (1, 'a'), (2, 'b'), (3, 'c');
          insert into post_tags values (1, 'x'), (1, 'y'), (3, 'x');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into posts values (${n}0, 'old', '{k,l}')`,
          `insert into posts values (${n}0, 'old');
           insert into post_tags values (${n}0, 'k'), (${n}0, 'l')`,
        ),
        newWrite(
          `insert into posts values (${n}1, 'new')`,
          `insert into posts values (${n}1, 'new', '{}')`,
        ),
        newWrite(
          `insert into post_tags (post_id, tag, weight) values (${n}1, 'm', 7), (${n}1, 'n', 8)`,
          `update posts set tags = '{m,n}' where id = ${n}1`,
        ),
        oldWrite(
          `update posts set tags = array_append(tags, 'z${100 + n}') where id <= 3`,
          `insert into post_tags select id, 'z${100 + n}' from posts where id <= 3`,
        ),
        oldWrite(`update posts set title = title || '.' where id <> 2`),
        newWrite(
          `delete from post_tags where tag = 'z${100 + n}' and post_id < 3`,
          `update posts set tags = array_remove(tags, 'z${100 + n}') where id < 3`,
        ),
        newWrite(
          `update post_tags set tag = 'q' where post_id = ${n}1 and tag = 'm'`,
          `update posts set tags = '{n,q}' where id = ${n}1`,
        ),
        oldWrite(
          `update posts set id = ${n}5 where id = ${n}0`,
          `insert into posts select ${n}5, title from posts where id = ${n}0;
           update post_tags set post_id = ${n}5 where post_id = ${n}0;
           delete from posts where id = ${n}0`,
        ),
        newWrite(`delete from posts where id = ${n}1`),
        oldWrite(`delete from posts where id = ${n}5`),
      ],
      ignored: ['post_tags.weight'],
    }));

  it('takes a row of the old release that is rows of several tables, from dual on at once', () =>
    lifecycleCase({
      from: `create table waiting (id int primary key, who text not null, due date not null);
        create table done (id int primary key, who text not null, result text not null);`,
      to: `create table jobs (id int primary key, who text not null);
        create table places (job int primary key references jobs (id) on delete cascade,
          due date not null);
        create table results (number int primary key, job int not null unique
          references jobs (id) on delete cascade, result text not null);`,
      evolution: `changes:
  - custom:
      from:
        waiting:
          slice: id
          query: select j.id, j.who, p.due from jobs j join places p on p.job = j.id
        done:
          slice: id
          query: select j.id, j.who, r.result from jobs j join results r on r.job = j.id
      into:
        jobs:
          slice: id
          query: select id, who from waiting union select id, who from done
        places: { slice: job, query: "select id as job, due from waiting" }
        results: { slice: job, query: "select -id as number, id as job, result from done" }
`,
      seed: {
        old: `insert into waiting values (1, 'a', '2026-01-01');
          insert into done values (2, 'b', 'x')`,
        new: `insert into jobs values (1, 'a'), (2, 'b');
          insert into places values (1, '2026-01-01'); insert into results values (-2, 2, 'x')`,
      },
      writes: (n) => [
        oldWrite(
          `insert into waiting values (${n}0, 'old', '2026-02-02'), (${n}1, 'old', '2026-02-02');
           insert into done values (${n}0, 'old', 'y'), (${n}2, 'old', 'z')`,
          `insert into jobs values (${n}0, 'old'), (${n}1, 'old'), (${n}2, 'old');
           insert into places values (${n}0, '2026-02-02'), (${n}1, '2026-02-02');
           insert into results values (-${n}0, ${n}0, 'y'), (-${n}2, ${n}2, 'z')`,
        ),
        // Rows of two tables are one of the old release: neither is, of its table alone.
        ...inDual(
          `with p as (insert into places values (${n}3, '2026-03-03'))
           insert into jobs values (${n}3, 'new')`,
          `insert into waiting values (${n}3, 'new', '2026-03-03')`,
        ),
        ...inDual(
          `with j as (insert into jobs values (${n}4, 'new'), (${n}5, 'new')),
           r as (insert into results values (-${n}5, ${n}5, 'q'))
           insert into places values (${n}4, '2026-03-04')`,
          `insert into waiting values (${n}4, 'new', '2026-03-04');
           insert into done values (${n}5, 'new', 'q')`,
        ),
        ...inDual(
          `with p as (delete from places where job in (${n}3, ${n}4) returning job)
           insert into results select -job, job, 'over' from p`,
          `with w as (delete from waiting where id in (${n}3, ${n}4) returning id, who)
           insert into done select id, who, 'over' from w`,
        ),
        newWrite(
          `update jobs set who = who || '.' where id in (1, 2, ${n}0)`,
          `update waiting set who = who || '.' where id in (1, ${n}0);
           update done set who = who || '.' where id in (2, ${n}0)`,
        ),
        // What goes along is not there any more when the row's own turn comes.
        newWrite(
          `delete from jobs where id in (${n}0, ${n}1, ${n}2)`,
          `delete from waiting where id in (${n}0, ${n}1);
           delete from done where id in (${n}0, ${n}2)`,
        ),
        newWrite(`delete from jobs where id = ${n}3`, `delete from done where id = ${n}3`),
      ],
      refused: (n) => [
        { by: 'new', sql: `insert into jobs values (${n}9, 'x')`, lens: 'HL001', dual: 'HL001' },
        { by: 'new', sql: `delete from places where job = 1`, lens: 'HL001', dual: 'HL001' },
        {
          by: 'new',
          sql: `insert into places values (2, '2026-01-01'), (${n}9, '2026-01-01')`,
          lens: '23503',
          dual: '23503',
        },
      ],
    }));

  it('makes one row of rows of several tables, each of which may go to another', () =>
    lifecycleCase({
      isAbortedOnce: true,
      from: `create table pairs (id int primary key, x text, y text, note text not null default '-',
        check (x is not null or y is not null));`,
      to: `create table lefts (id int primary key, x text not null);
        create table rights (id int primary key, y text not null);`,
      evolution: `changes:
  - custom:
      from:
        pairs:
          slice: id
          query: |
            select coalesce(l.id, r.id) as id, l.x, r.y, '-' as note
            from lefts as l full join rights as r on r.id = l.id
      into:
        lefts: { slice: id, query: "select id, x from pairs where x is not null" }
        rights: { slice: id, query: "select id, y from pairs where y is not null" }
`,
      seed: {
        old: `insert into pairs values (1, 'x', 'y'), (2, 'x', null);`,
        new: `insert into lefts values (1, 'x'), (2, 'x'); insert into rights values (1, 'y');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into pairs values (${n}0, 'x', 'y', 'n'), (${n}1, 'x', null, 'm'),
            (${n}2, null, 'y', 'k')`,
          `insert into lefts values (${n}0, 'x'), (${n}1, 'x');
           insert into rights values (${n}0, 'y'), (${n}2, 'y')`,
        ),
        // Its row stays, and that of the other is there.
        ...inDual(
          `update rights set id = ${n}1 where id = ${n}0`,
          `update pairs set y = null where id = ${n}0;
           update pairs set y = 'y' where id = ${n}1`,
        ),
        // Nothing is left of its row, which goes along.
        ...inDual(
          `update rights set id = ${n}3 where id = ${n}2`,
          `update pairs set id = ${n}3 where id = ${n}2`,
        ),
        // Each takes the key that another has just left, and its old row with it.
        oldWrite(
          `insert into pairs values (${n}7, null, 'y', 'of 7'), (${n}6, null, 'y', 'of 6')`,
          `insert into rights values (${n}7, 'y'), (${n}6, 'y')`,
        ),
        ...inDual(
          `with first as (update rights set id = ${n}8 where id = ${n}7 returning id)
           update rights set id = ${n}7 from first where rights.id = ${n}6`,
          `with first as (update pairs set id = ${n}8 where id = ${n}7 returning id)
           update pairs set id = ${n}7 from first where pairs.id = ${n}6`,
        ),
      ],
    }));

  it('takes a statement that inserts one row of a slice and updates another', () =>
    lifecycleCase({
      isAbortedOnce: true,
      from: `create table readings (sensor int primary key, morning int, evening int,
        check (morning is not null or evening is not null));`,
      to: `create table measurements (sensor int, half text check (half in ('am', 'pm')),
        value int not null, primary key (sensor, half));`,
      evolution: `changes:
  - custom:
      from:
        readings:
          slice: sensor
          query: |
            select sensor, max(value) filter (where half = 'am') as morning,
              max(value) filter (where half = 'pm') as evening
            from measurements group by sensor
      into:
        measurements:
          slice: sensor
          query: |
            select r.sensor, v.half, v.value from readings as r
            cross join lateral (values ('am', r.morning), ('pm', r.evening)) as v(half, value)
            where v.value is not null
`,
      seed: {
        old: 'insert into readings values (1, null, 2)',
        new: "insert into measurements values (1, 'pm', 2)",
      },
      writes: (n) => [
        oldWrite(
          `insert into readings values (${n}0, null, 2)`,
          `insert into measurements values (${n}0, 'pm', 2)`,
        ),
        ...inDual(
          `insert into measurements values (${n}0, 'am', 3), (${n}0, 'pm', 4)
           on conflict (sensor, half) do update set value = excluded.value`,
          `update readings set morning = 3, evening = 4 where sensor = ${n}0`,
        ),
      ],
    }));
});

function inDual(as: string, old: string): Write[] {
  return [{ ...newWrite(as, old), since: 'dual' }];
}
