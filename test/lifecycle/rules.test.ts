// Rules and computed columns that change under a name that stays: keys, exclusions, what a foreign
// key does, what PostgreSQL generates, and the comments of tables that are made anew.

import { it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

it('a key, an exclusion, an action and what is generated may change under one name', () =>
  lifecycleCase({
    from: `create table teams (id int primary key);
      create table members (id int primary key, team int references teams on delete cascade);
      create table logs (id int primary key, line text);
      create table slots (id int primary key, a int4range, b int4range,
        constraint free exclude using gist (a with &&));
      create table sums (id int primary key, a int not null, bound int);
      create table totals (id int primary key, a int not null,
        gone int generated always as (a + 1) stored,
        other int generated always as (a * 2) stored,
        freed int generated always as (a * 3) stored);`,
    to: `create table teams (id int primary key);
      create table members (id int primary key, team int references teams on delete set null);
      create table logs (id int, line text);
      create table slots (id int primary key, a int4range, b int4range,
        constraint free exclude using gist (b with &&));
      create table sums (id int primary key, a int not null,
        bound int generated always as (a * 5) stored);
      create table totals (id int primary key, a int not null,
        other int generated always as (a * 4) stored, freed int);
      create table notes (id int primary key, note text);
      comment on table totals is 'What it''s all worth';
      comment on column totals.freed is 'No longer computed';
      comment on table notes is 'Of the new release';
      comment on column notes.note is 'Free text';`,
    isAbortedOnce: true,
    seed: {
      old: `insert into teams values (1), (2); insert into members values (1, 1);
        insert into logs values (1, 'a'); insert into slots values (1, '[1,2)', '[1,2)');
        insert into sums values (1, 1, 5), (2, 2, 10);
        insert into totals (id, a) values (1, 1), (2, 2);`,
      new: `insert into teams values (1), (2); insert into members values (1, 1);
        insert into logs values (1, 'a'); insert into slots values (1, '[1,2)', '[1,2)');
        insert into sums (id, a) values (1, 1), (2, 2);
        insert into totals (id, a, freed) values (1, 1, 3), (2, 2, 6);`,
    },
    writes: (n) => [
      oldWrite(
        `insert into teams values (${n}0); insert into members values (${n}0, ${n}0), (${n}1, 2);
         delete from teams where id = ${n}0`,
        `insert into members values (${n}1, 2)`,
      ),
      newWrite(`insert into members values (${n}2, 1)`),
      oldWrite(`insert into logs values (${n}0, 'old')`),
      newWrite(`insert into logs values (${n}1, 'new'); update logs set line = line || '.'`),
      oldWrite(`insert into slots values (${n}0, '[${n}0,${n}5)', '[${n}0,${n}5)')`),
      newWrite(`insert into slots values (${n}1, '[${n}6,${n}9)', '[${n}6,${n}9)')`),
      oldWrite(
        `insert into sums values (${n}0, ${n}, ${n} * 5)`,
        `insert into sums (id, a) values (${n}0, ${n})`,
      ),
      newWrite(
        `insert into sums (id, a) values (${n}1, 7)`,
        `insert into sums values (${n}1, 7, 35)`,
      ),
      oldWrite(
        'update sums set a = a + 1, bound = (a + 1) * 5 where id in (1, 10)',
        'update sums set a = a + 1 where id in (1, 10)',
      ),
      newWrite(
        'update sums set a = a + 1 where id = 2',
        'update sums set a = a + 1, bound = (a + 1) * 5 where id = 2',
      ),
      // What does not follow is not there for the new release.
      oldWrite('update sums set bound = -1 where id = 1', ''),
      oldWrite(
        `insert into totals (id, a) values (${n}0, ${n})`,
        `insert into totals (id, a, freed) values (${n}0, ${n}, ${n} * 3)`,
      ),
      newWrite(
        `insert into totals (id, a, freed) values (${n}1, 7, 21)`,
        `insert into totals (id, a) values (${n}1, 7)`,
      ),
      oldWrite(
        'update totals set a = a + 1 where id in (1, 10)',
        'update totals set a = a + 1, freed = (a + 1) * 3 where id in (1, 10)',
      ),
      newWrite(
        'update totals set a = a + 1, freed = (a + 1) * 3 where id = 2',
        'update totals set a = a + 1 where id = 2',
      ),
    ],
    refused: () => [
      { by: 'new', sql: `insert into members values (-1, -1)`, lens: '23503', dual: '23503' },
      { by: 'new', sql: `insert into logs values (1, 'x')`, lens: '23505', dual: '23505' },
      {
        by: 'new',
        sql: `insert into slots values (-1, '[1,2)', '[-2,-1)')`,
        lens: '23P01',
        dual: '23P01',
      },
      {
        by: 'new',
        sql: `insert into slots values (-1, '[-2,-1)', '[1,2)')`,
        lens: '23P01',
        dual: '23P01',
      },
      { by: 'new', sql: `update sums set bound = 1`, lens: '428C9', dual: '428C9' },
      { by: 'new', sql: `update totals set freed = 1`, lens: 'HL001', dual: 'HL001' },
    ],
  }));
