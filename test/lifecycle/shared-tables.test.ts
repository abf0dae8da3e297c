// Changes that leave rows where they are: columns, defaults, nullability, checks, indexes, tables.

import { describe, expect, it } from 'vitest';
import { readColumns, withClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, NEW_PATH } from '../evolving/shard.js';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

describe('an added column', () => {
  it('may be null, have a default, or be not null with one, whoever writes the row', () =>
    lifecycleCase({
      from: `create table t (id int generated always as identity primary key, x text);`,
      to: `create table t (id int generated always as identity primary key, x text,
        note text, level int default 3, flag boolean not null default false,
        at timestamptz not null default '2026-01-01');`,
      seed: {
        old: `insert into t (x) values ('a'), ('b');`,
        new: `insert into t (x) values ('a'), ('b');`,
      },
      writes: (n) => [
        oldWrite(`insert into t (x) values ('old ${n}')`),
        newWrite(`insert into t (x) values ('new ${n}')`),
        newWrite(
          `insert into t (x, note, level, flag) values ('full ${n}', 'n', ${n}, true)`,
          `insert into t (x) values ('full ${n}')`,
        ),
        newWrite(`update t set note = 'seen', level = level + 1 where x = 'old ${n}'`, ''),
        oldWrite(`update t set x = x || '!' where x like '%${n}'`),
        oldWrite(`delete from t where x = 'old ${n - 1}!'`),
        newWrite(`delete from t where x = 'new ${n - 1}!'`),
      ],
      refused: () => [{ by: 'new', sql: `update t set flag = null`, lens: '23502', dual: '23502' }],
      lostByAbort: `update t set note = default, level = default, flag = default, at = default`,
    }));

  it('may be computed from old columns', () =>
    lifecycleCase({
      from: `create table t (id int primary key, a text not null, b text);`,
      to: `create table t (id int primary key, a text not null, b text, both_of text not null);`,
      evolution: `changes:
  - add_column: { table: t, column: both_of, up: "a || coalesce(b, '-')" }
`,
      seed: {
        old: `insert into t values (1, 'x', 'y'), (2, 'z', null);`,
        new: `insert into t values (1, 'x', 'y', 'xy'), (2, 'z', null, 'z-');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t values (10 + ${n}, 'o', 'p')`,
          `insert into t values (10 + ${n}, 'o', 'p', 'op')`,
        ),
        newWrite(
          `insert into t values (100 + ${n}, 'n', null, 'n-')`,
          `insert into t values (100 + ${n}, 'n', null)`,
        ),
        oldWrite(
          `update t set b = 'q' where id = 10 + ${n}`,
          `update t set b = 'q', both_of = a || 'q' where id = 10 + ${n}`,
        ),
        newWrite(`delete from t where id = 100 + ${n - 1}`),
      ],
    }));
});

describe('a dropped column', () => {
  it('keeps its values; new rows have its default, null, or what is stated', () =>
    lifecycleCase({
      from: `create table t (id int primary key, x text, gone text, level int default 4,
        kind text not null, code int not null default 7);`,
      to: `create table t (id int primary key, x text);`,
      evolution: `changes:
  - drop_column: { table: t, column: kind, down: "'unknown'" }
`,
      seed: {
        old: `insert into t values (1, 'a', 'g', 1, 'k', 2), (2, 'b', null, null, 'l', 3);`,
        new: `insert into t values (1, 'a'), (2, 'b');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t values (10 + ${n}, 'old', 'g${n}', ${n}, 'k${n}', ${n})`,
          `insert into t values (10 + ${n}, 'old')`,
        ),
        newWrite(
          `insert into t values (100 + ${n}, 'new')`,
          `insert into t (id, x, kind) values (100 + ${n}, 'new', 'unknown')`,
        ),
        newWrite(`update t set x = x || '.'`),
        oldWrite(`update t set kind = 'seen', gone = 'seen' where id = 100 + ${n}`, ''),
        newWrite(`delete from t where id = 10 + ${n - 1}`),
        newWrite(
          `insert into t values (1, 'again') on conflict (id) do update set x = 'again'`,
          `update t set x = 'again' where id = 1`,
        ),
      ],
    }));

  it('keeps its values beside a split', () =>
    lifecycleCase({
      from: `create table t (id int primary key, x text, y text, gone text default 'd',
        kind text not null);`,
      to: `create table t (id int primary key, x text);
        create table ys (id int primary key references t (id) on delete cascade, y text not null);`,
      evolution: `changes:
  - drop_column: { table: t, column: kind, down: "coalesce(x, '?')" }
  - split_table:
      table: t
      into:
        t: {}
        ys: { when: y is not null }
`,
      seed: {
        old: `insert into t values (1, 'a', 'y', 'g', 'a'), (2, null, null, null, '?');`,
        new: `insert into t values (1, 'a'), (2, null); insert into ys values (1, 'y');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t values (10 + ${n}, 'old', 'y', 'g${n}', 'old')`,
          `insert into t values (10 + ${n}, 'old'); insert into ys values (10 + ${n}, 'y')`,
        ),
        newWrite(
          `insert into t values (100 + ${n}, 'new')`,
          `insert into t (id, x, kind) values (100 + ${n}, 'new', 'new')`,
        ),
        newWrite(
          `insert into ys values (100 + ${n}, 'ny')`,
          `update t set y = 'ny' where id = 100 + ${n}`,
        ),
        newWrite(
          `update t set x = 'changed' where id = 10 + ${n}`,
          `update t set x = 'changed', kind = 'changed' where id = 10 + ${n}`,
        ),
        oldWrite(`update t set gone = 'seen' where id > 5`, ''),
      ],
    }));
});

describe('rules that loosen or tighten', () => {
  it('a new NOT NULL and a new check bind the new release; an old row that fits crosses', () =>
    lifecycleCase({
      from: `create table t (id int primary key, x text, n int default -1,
        free text not null default 'f',
        constraint narrow check (n < 1000));`,
      to: `create table t (id int primary key, x text not null, n int default 5, free text,
        constraint positive check (n > 0));`,
      seed: {
        old: `insert into t values (1, 'a', 1);`,
        new: `insert into t values (1, 'a', 1, 'f');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t (id, x, n) values (10 + ${n}, 'old', ${n})`,
          `insert into t values (10 + ${n}, 'old', ${n}, 'f')`,
        ),
        newWrite(
          `insert into t (id, x, free) values (100 + ${n}, 'new', 'g')`,
          `insert into t values (100 + ${n}, 'new', 5, 'g')`,
        ),
        newWrite(`update t set n = n + 1 where id < 100`),
        oldWrite(`update t set x = 'both' where id = 100 + ${n}`),
      ],
      refused: (n) => [
        {
          by: 'new',
          sql: `insert into t (id, x, free) values (500, null, 'f')`,
          lens: '44000',
          dual: '44000',
        },
        { by: 'new', sql: `update t set n = 0 where id = 1`, lens: '44000', dual: '44000' },
        { by: 'new', sql: `update t set free = null where id = 1`, lens: '23502', dual: '23502' },
        {
          by: 'new',
          sql: `update t set n = 1000 + ${n} where id = 1`,
          lens: '23514',
          dual: '23514',
        },
      ],
    }));

  it('defaults may change, come and go', () =>
    lifecycleCase({
      from: `create table t (id int primary key, a text default 'old', b text default 'gone',
        c text, d int default 1);`,
      to: `create table t (id int primary key, a text default 'new', b text,
        c text default 'come', d int default 2);`,
      seed: {
        old: `insert into t (id) values (1);`,
        new: `insert into t values (1, 'old', 'gone', null, 1);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into t (id) values (10 + ${n})`,
          `insert into t values (10 + ${n}, 'old', 'gone', null, 1)`,
        ),
        newWrite(
          `insert into t (id) values (100 + ${n})`,
          `insert into t values (100 + ${n}, 'new', null, 'come', 2)`,
        ),
        newWrite(
          `insert into t (id, a) values (200 + ${n}, default), (300 + ${n}, 'given')`,
          `insert into t values (200 + ${n}, 'new', null, 'come', 2), (300 + ${n}, 'given',
            null, 'come', 2)`,
        ),
      ],
    }));

  it('a unique key may come and go', () =>
    lifecycleCase({
      from: `create table t (id int primary key, a text unique, b text, c text);`,
      to: `create table t (id int primary key, a text, b text unique, c text);
        create unique index t_c on t (lower(c)) where c is not null;`,
      seed: {
        old: `insert into t values (1, 'a', 'b', 'c');`,
        new: `insert into t values (1, 'a', 'b', 'c');`,
      },
      writes: (n) => [
        oldWrite(`insert into t values (10 + ${n}, 'o${n}', 'o${n}', 'o${n}')`),
        newWrite(`insert into t values (100 + ${n}, 'n${n}', 'n${n}', 'n${n}')`),
        newWrite(`update t set b = b || '!' where id = 10 + ${n}`),
        oldWrite(`update t set b = b || '?' where id = 100 + ${n}`),
        newWrite(`delete from t where id = 10 + ${n - 1}`),
      ],
      refused: (n) => [
        {
          by: 'new',
          sql: `insert into t values (900, 'x', 'n${n}?', null)`,
          lens: '23505',
          dual: '23505',
        },
        {
          by: 'new',
          sql: `insert into t values (900, 'n${n}', 'free', null)`,
          lens: '23505',
          dual: '23505',
        },
      ],
    }));

  it('indexes may come and go', () =>
    lifecycleCase({
      from: `create table t (id int primary key, a text, b int); create index t_a on t (a);
        create index t_ab on t (a, b);`,
      to: `create table t (id int primary key, a text, b int);
        create index t_b on t (b desc) where a is not null;
        create index t_lower on t (lower(a)); create index t_ab on t (a, b);`,
      seed: { old: `insert into t values (1, 'a', 1);`, new: `insert into t values (1, 'a', 1);` },
      writes: (n) => [
        oldWrite(`insert into t values (10 + ${n}, 'o', ${n})`),
        newWrite(`insert into t values (100 + ${n}, 'n', ${n})`),
        newWrite(`update t set b = b + 1`),
      ],
    }));
});

describe('whole tables', () => {
  it('come and go', () =>
    lifecycleCase({
      from: `create table stays (id int primary key, x text);
        create table goes (id serial primary key, stay int references stays (id) on delete cascade,
          y text);`,
      to: `create table stays (id int primary key, x text);
        create table comes (id serial primary key, stay int references stays (id) on delete cascade,
          z text not null default 'z' check (z <> ''));
        create index comes_stay on comes (stay);
        create table more (come int not null references comes (id), n int);`,
      seed: {
        old: `insert into stays values (1, 'a'); insert into goes (stay, y) values (1, 'y');`,
        new: `insert into stays values (1, 'a');`,
      },
      writes: (n) => [
        oldWrite(`insert into stays values (10 + ${n}, 'old')`),
        oldWrite(`insert into goes (stay, y) values (10 + ${n}, 'y')`, ''),
        newWrite(`insert into stays values (100 + ${n}, 'new')`),
        newWrite(
          `with c as (insert into comes (stay) values (1), (100 + ${n}) returning id)
           insert into more select id, ${n} from c where id % 2 = 0`,
          '',
        ),
        newWrite(
          `delete from stays where id = 100 + ${n - 1}
            and not exists (select from more join comes on come = comes.id
              where stay = 100 + ${n - 1})`,
          `delete from stays where id = -1`,
        ),
      ],
      lostByAbort: `truncate comes, more restart identity`,
    }));
});

describe('the order of columns', () => {
  it('is the same in every phase, and told where that of a fresh install is another', async () => {
    const compiled = await compilePair(
      `create table t (id int primary key, a text, b text, gone text);
       create table same (id int primary key, x text);`,
      `create table t (id int primary key, d text, b text, c text);
       create table same (id int primary key, x text, y text);`,
      'changes:\n  - rename_column: { table: t, column: a, to: c }\n',
    );
    const notes = compiled.bundle.relations.map((one) => `${one.new}: ${one.notes.join('; ')}`);
    expect(notes.filter((one) => one.includes('order'))).toEqual([
      expect.stringMatching(/^t: .*than on a fresh install: id, c, b, d; name them in INSERT/),
    ]);
    const shard = await installShard(compiled);
    for (const verb of ['prepare', 'expand', 'contract'] as const) {
      await shard.run(verb);
      const columns = await withClient(shard.url, NEW_PATH, (client) =>
        readColumns(client, compiled.to.catalog),
      );
      expect(columns, verb).toEqual(['same(id, x, y)', 't(id, c, b, d)']);
    }
    await shard.drop();
  });
});
