// Types that mean something else in each release, through every phase.

import { describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('an enum and a domain of the same name in both releases', () => {
  it('change their labels and their rules under columns, arrays and defaults', () =>
    lifecycleCase({
      from: `create type mood as enum ('sad', 'ok', 'glad');
        create type side as enum ('left', 'right');
        create domain price as numeric(8, 2) check (value >= 0);
        create domain "Moods" as mood[] check (cardinality(value) < 9);
        create table t (id int primary key, state mood not null default 'ok', past "Moods",
          old mood[] not null default '{ok}', price price not null default 1, note text,
          side side default 'left', sides side[] not null default '{left,right}',
          check (state <> 'sad' or note is not null));
        create index t_is on t (state) where state <> 'ok'::mood;`,
      to: `create type mood as enum ('happy', 'ok', 'bored', 'fair');
        create type side as enum ('left', 'right', 'both');
        create domain price as numeric(10, 2) default 2 not null check (value < 1000);
        create domain "Moods" as mood[] check (cardinality(value) < 9);
        create type colour as enum ('red');
        create table t (id int primary key, state mood not null default 'happy', past "Moods",
          old mood[] not null default '{ok,happy}', price price not null, note text,
          side side default 'right', sides side[] not null default '{right,left}',
          cost price,
          check (state <> 'fair' or note is not null));
        create index t_is on t (state) where state <> 'ok'::mood;
        create table added (id int primary key, state mood, c colour default 'red', price price);`,
      evolution: `changes:
  - rename_label: { type: mood, label: glad, to: happy }
  - rename_label: { type: mood, label: sad, to: fair }
  - rename_label: { type: side, label: left, to: right }
  - rename_label: { type: side, label: right, to: left }
`,
      seed: {
        old: `insert into t values (1, 'glad', '{glad,ok,null}', '{{glad,sad},{ok,ok}}', 3, 'a'),
          (2, 'sad', null, '{}', 4, 'b');`,
        new: `insert into t values (1, 'happy', '{happy,ok,null}', '{{happy,fair},{ok,ok}}', 3,
          'a'), (2, 'fair', null, '{}', 4, 'b');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t (id) values (${n}0)`,
          `insert into t (id, state, old, price) values (${n}0, 'ok', '{ok}', 1)`,
        ),
        oldWrite(
          `insert into t values (${n}1, 'sad', '{sad}', '{glad,sad}', ${n}, 'old')`,
          `insert into t values (${n}1, 'fair', '{fair}', '{happy,fair}', ${n}, 'old')`,
        ),
        newWrite(
          `insert into t (id, price) values (${n}2, 5)`,
          `insert into t (id, state, old, price) values (${n}2, 'glad', '{ok,glad}', 5)`,
        ),
        newWrite(
          `update t set state = 'happy', past = old where state = 'fair' and id = ${n}1`,
          `update t set state = 'glad', past = old where state = 'sad' and id = ${n}1`,
        ),
        oldWrite(`update t set price = price + 1, note = 'o ${n}' where id < 3`),
        newWrite(
          `update t set side = 'left', sides = sides || sides where id = ${n}1`,
          `update t set side = 'right', sides = sides || sides where id = ${n}1`,
        ),
        newWrite(
          `update t set old = old || 'fair'::mood where id = 2`,
          `update t set old = old || 'sad'::mood where id = 2`,
        ),
        newWrite(`insert into added values (${n}, 'bored', 'red', 7)`, ''),
        oldWrite(`delete from t where id = ${n - 1}0`),
        newWrite(`delete from t where id = ${n - 1}2`),
      ],
      lostByAbort: 'truncate added',
      refused: () => [
        { by: 'new', sql: `update t set state = 'bored'`, lens: 'HL001', dual: 'HL001' },
        { by: 'new', sql: `update t set past = '{bored}'`, lens: 'HL001', dual: 'HL001' },
        { by: 'new', sql: `update t set side = 'both'`, lens: 'HL001', dual: 'HL001' },
        { by: 'new', sql: `update t set state = 'sad'`, lens: '22P02', dual: '22P02' },
        { by: 'new', sql: `update t set price = 2000`, lens: '23514', dual: '23514' },
        { by: 'new', sql: `update t set price = -1`, lens: '23514', dual: '23514' },
      ],
    }));
});

describe('a label that goes', () => {
  it('keeps rows in quarantine; contract waits for them and for what is of the type', async () => {
    const compiled = await compilePair(
      `create type mood as enum ('ok', 'sad'); create type hue as enum ('red');
        create table t (id int primary key, state mood, hue hue);`,
      `create type mood as enum ('ok');
        create table t (id int primary key, state mood, hue text);`,
      null,
    );
    const shard = await installShard(compiled);
    const waiting = /types of release 1.0 cannot go.*column x of table audit/;
    try {
      await withClient(shard.url, null, async (client) => {
        await client.query(`insert into t values (1, 'ok', 'red'), (2, 'sad', 'red')`);
        await client.query('create table audit (x mood)');
        for (const verb of ['prepare', 'expand'] as const) await shard.run(verb);
        const reason = 'invalid input value for enum mood: "sad"';
        const { rows } = await client.query('select key, reason from halflap.quarantine');
        expect(rows).toEqual([{ key: '{"id": 2}', reason }]);
        await expect(shard.run('contract')).rejects.toMatchObject({ code: 'CONTRACT_REFUSED' });
        await client.query(`update t set state = 'ok'`);
        await shard.run('verify');
        await expect(shard.run('contract')).rejects.toThrow(waiting);
        await client.query('drop table audit');
        await shard.run('contract');
        expect(await unlikeFresh(shard.url, compiled.bundle)).toEqual([]);
        const types = await client.query(
          `select typname from pg_type
           where typtype = 'e' and typnamespace = 'public'::regnamespace`,
        );
        expect(types.rows).toEqual([{ typname: 'mood' }]);
      });
    } finally {
      await shard.drop();
    }
  });
});
