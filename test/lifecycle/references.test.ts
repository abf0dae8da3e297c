// Foreign keys whose ends cross in different ways, and columns that only the new release has.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

const PARENT_OLD = `create table parents (id int primary key, name text not null, info text);`;
const PARENT_NEW = `create table parents (id int primary key, name text not null);
  create table infos (parent int primary key references parents (id) on delete cascade,
    info text not null);`;
const SPLIT = `changes:
  - split_table:
      table: parents
      into:
        parents: {}
        infos: { key: { parent: id }, when: info is not null }
`;
const SEED = {
  old: `insert into parents values (1, 'a', 'i'), (2, 'b', null), (3, 'c', 'k');`,
  new: `insert into parents values (1, 'a'), (2, 'b'), (3, 'c');
    insert into infos values (1, 'i'), (3, 'k');`,
};

describe('a child table that both releases share', () => {
  for (const action of ['no action', 'cascade', 'set null', 'restrict']) {
    it(`refers to a split parent with on delete ${action}`, () =>
      lifecycleCase({
        from: `${PARENT_OLD} create table children (id int primary key,
          parent int references parents (id) on delete ${action});`,
        to: `${PARENT_NEW} create table children (id int primary key,
          parent int references parents (id) on delete ${action});`,
        evolution: SPLIT,
        seed: SEED,
        writes: (n) => [
          oldWrite(
            `insert into parents values (100 + ${n}, 'old', 'o');
              insert into children values (100 + ${n}, 100 + ${n})`,
            `insert into parents values (100 + ${n}, 'old');
              insert into infos values (100 + ${n}, 'o');
             insert into children values (100 + ${n}, 100 + ${n})`,
          ),
          newWrite(
            `insert into parents values (200 + ${n}, 'new')`,
            `insert into parents values (200 + ${n}, 'new', null)`,
          ),
          newWrite(`insert into children values (200 + ${n}, 200 + ${n}), (300 + ${n}, 1)`),
          newWrite(`update children set parent = 2 where id = 300 + ${n}`),
          ...(action === 'cascade' || action === 'set null'
            ? [
                newWrite(`delete from parents where id = 100 + ${n}`),
                oldWrite(`delete from parents where id = 200 + ${n}`),
              ]
            : [
                newWrite(`delete from children where parent = 100 + ${n}`),
                newWrite(`delete from parents where id = 100 + ${n}`),
                oldWrite(`delete from children where parent = 200 + ${n}`),
                oldWrite(`delete from parents where id = 200 + ${n}`),
              ]),
        ],
        refused: (n) => [
          {
            by: 'new',
            sql: `insert into children values (-1, -${n})`,
            lens: '23503',
            dual: '23503',
          },
          {
            by: 'old',
            sql: `insert into children values (-1, -${n})`,
            lens: '23503',
            dual: '23503',
          },
          // PostgreSQL 18 answers a restrict with another SQLSTATE than its predecessors.
          ...(action === 'no action'
            ? [
                {
                  by: 'new',
                  sql: `delete from parents where id = 2`,
                  lens: '23503',
                  dual: '23503',
                } as const,
              ]
            : []),
        ],
      }));
  }
});

describe('a part', () => {
  for (const reference of [
    'references parents (id) on delete cascade',
    'references parents (id)',
    'references parents (id) on delete restrict',
    'references parents (id) deferrable initially deferred',
    '',
  ]) {
    it(`goes with its old row, being a key ${reference || 'without reference'}`, () =>
      lifecycleCase({
        from: PARENT_OLD,
        to: `create table parents (id int primary key, name text not null);
          create table infos (parent int primary key ${reference}, info text not null);`,
        evolution: SPLIT,
        seed: SEED,
        writes: (n) => [
          oldWrite(
            `insert into parents values (100 + ${n}, 'x', 'o'), (200 + ${n}, 'y', null),
              (300 + ${n}, 'z', 'p')`,
            `insert into parents values (100 + ${n}, 'x'), (200 + ${n}, 'y'), (300 + ${n}, 'z');
              insert into infos values (100 + ${n}, 'o'), (300 + ${n}, 'p')`,
          ),
          oldWrite(
            `delete from parents where id = 100 + ${n}`,
            `delete from infos where parent = 100 + ${n};
              delete from parents where id = 100 + ${n}`,
          ),
          oldWrite(
            `delete from parents where id in (200 + ${n}, 300 + ${n})`,
            `delete from infos where parent = 300 + ${n};
              delete from parents where id in (200 + ${n}, 300 + ${n})`,
          ),
        ],
      }));
  }
});

describe('a split child', () => {
  it('refers to a shared parent, and to another split table', () =>
    lifecycleCase({
      from: `create table owners (id int primary key, name text);
        ${PARENT_OLD}
        create table things (id int primary key, owner int references owners (id) on delete cascade,
          parent int references parents (id) on delete cascade, label text, extra text);`,
      to: `create table owners (id int primary key, name text);
        ${PARENT_NEW}
        create table things (id int primary key,
          parent int references parents (id) on delete cascade, label text);
        create table extras (thing int primary key references things (id) on delete cascade,
          owner int references owners (id) on delete cascade, extra text not null);`,
      evolution: `${SPLIT}  - split_table:
      table: things
      into:
        things: {}
        extras: { key: { thing: id }, when: extra is not null }
`,
      seed: {
        old: `${SEED.old} insert into owners values (1, 'o'), (2, 'p');
          insert into things values (1, 1, 1, 'l', 'e'), (2, null, 2, null, null);`,
        new: `${SEED.new} insert into owners values (1, 'o'), (2, 'p');
          insert into things values (1, 1, 'l'), (2, 2, null);
          insert into extras values (1, 1, 'e');`,
      },
      writes: (n) => [
        oldWrite(
          `insert into things values (100 + ${n}, 1, 1, 'old', 'x')`,
          `insert into things values (100 + ${n}, 1, 'old');
            insert into extras values (100 + ${n}, 1, 'x')`,
        ),
        newWrite(
          `insert into things values (200 + ${n}, 2, 'new')`,
          `insert into things values (200 + ${n}, null, 2, 'new')`,
        ),
        newWrite(
          `insert into extras values (200 + ${n}, 2, 'nx')`,
          `update things set owner = 2, extra = 'nx' where id = 200 + ${n}`,
        ),
        oldWrite(
          `insert into parents values (500 + ${n}, 'p', 'i')`,
          `insert into parents values (500 + ${n}, 'p');
            insert into infos values (500 + ${n}, 'i')`,
        ),
        newWrite(`update things set parent = 500 + ${n} where id = 100 + ${n}`),
        newWrite(`delete from parents where id = 500 + ${n}`),
        oldWrite(`delete from things where id = 200 + ${n - 1}`),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update things set parent = -1 where id = 1`,
          lens: '23503',
          dual: '23503',
        },
        {
          by: 'new',
          sql: `update extras set owner = -1 where thing = 1`,
          lens: '23503',
          dual: '23503',
        },
        { by: 'new', sql: `insert into extras values (-1, 1, 'x')`, lens: '23503', dual: '23503' },
      ],
    }));
});

describe('foreign keys that come and go', () => {
  it('bind the release that has them', () =>
    lifecycleCase({
      from: `create table a (id int primary key, x text);
        create table b (id int primary key, a int, c int references a (id));`,
      to: `create table a (id int primary key, x text);
        create table b (id int primary key, a int references a (id) on delete cascade, c int);`,
      seed: {
        old: `insert into a values (1), (2); insert into b values (1, 1, 2);`,
        new: `insert into a values (1), (2); insert into b values (1, 1, 2);`,
      },
      writes: (n) => [
        oldWrite(
          `insert into a values (10 + ${n}, 'old'); insert into b values (10 + ${n}, 10 + ${n}, 1)`,
        ),
        newWrite(
          `insert into a values (100 + ${n}, 'new');
            insert into b values (100 + ${n}, 100 + ${n}, 2)`,
        ),
        oldWrite(`update b set a = 1 where id = 100 + ${n}`),
      ],
    }));

  it('of an added table refer to a split one', () =>
    lifecycleCase({
      from: PARENT_OLD,
      to: `${PARENT_NEW}
        create table logs (id int generated always as identity primary key,
          parent int not null references parents (id) on delete cascade, line text);
        create table marks (parent int primary key references infos (parent) on delete cascade,
          mark int);`,
      evolution: SPLIT,
      seed: SEED,
      writes: (n) => [
        oldWrite(
          `insert into parents values (100 + ${n}, 'old', 'o')`,
          `insert into parents values (100 + ${n}, 'old');
            insert into infos values (100 + ${n}, 'o')`,
        ),
        newWrite(
          `insert into logs (parent, line) select id, 'l${n}' from parents where id > 100`,
          '',
        ),
        oldWrite(`delete from parents where id = 100 + ${n - 1}`),
        newWrite(`delete from parents where id = 100 + ${n - 2}`),
      ],
      lostByAbort: `truncate logs, marks restart identity`,
      refused: () => [
        {
          by: 'new',
          sql: `insert into logs (parent) overriding system value values (-1)`,
          lens: '23503',
          dual: '23503',
        },
      ],
      ignored: ['logs.id'],
    }));
});

describe('columns that only the new release knows', () => {
  it('are carried beside the old rows of a split table', () =>
    lifecycleCase({
      from: PARENT_OLD,
      to: `create table parents (id int primary key, name text not null, rank int default 7,
        memo text);
        create table infos (parent int primary key references parents (id) on delete cascade,
          info text not null,
          seen boolean not null default false, at timestamptz default '2026-01-01');`,
      evolution: SPLIT,
      seed: SEED,
      writes: (n) => [
        oldWrite(
          `insert into parents values (100 + ${n}, 'old', 'o')`,
          `insert into parents values (100 + ${n}, 'old');
            insert into infos values (100 + ${n}, 'o')`,
        ),
        newWrite(
          `insert into parents values (200 + ${n}, 'new', ${n}, 'memo')`,
          `insert into parents values (200 + ${n}, 'new', null)`,
        ),
        newWrite(
          `insert into infos values (200 + ${n}, 'ni', true)`,
          `update parents set info = 'ni' where id = 200 + ${n}`,
        ),
        newWrite(`update parents set rank = rank + 1, memo = 'm${n}'`, ''),
        newWrite(`update infos set seen = true where parent = 100 + ${n}`, ''),
        oldWrite(
          `update parents set name = name || '.', info = info || '.'`,
          `update parents set name = name || '.'; update infos set info = info || '.'`,
        ),
        newWrite(
          `update parents set name = 'both', rank = 0 where id = 100 + ${n}`,
          `update parents set name = 'both' where id = 100 + ${n}`,
        ),
        oldWrite(`delete from parents where id = 100 + ${n - 1}`),
        newWrite(`delete from parents where id = 200 + ${n - 1}`),
      ],
      lostByAbort: `update parents set rank = default, memo = default;
        update infos set seen = default, at = default`,
    }));
});

describe('a foreign key without a name of its own, to a table that is split', () => {
  const hosts = 'create table hosts (id int primary key, name text, note text);';
  const parts = `create table hosts (id int primary key, name text);
    create table notes (
      id int primary key references hosts on delete cascade, note text not null);`;
  const split = `changes:
    - split_table: { table: hosts, into: { hosts: {}, notes: { when: note is not null } } }
`;
  const seed = (table: string, column: string) =>
    `insert into ${table} (id, ${column}, n) values (1, 1, 1), (2, 2, 2), (3, 1, 3)`;
  const both = (before: readonly [string, string], after: readonly [string, string]) =>
    lifecycleCase({
      from: `${hosts} create table ${before[0]} (
        id int primary key, ${before[1]} int references hosts on delete cascade, n int);`,
      to: `${parts} create table ${after[0]} (
        id int primary key, ${after[1]} int references hosts on delete cascade, n int);`,
      evolution:
        split +
        (before[0] === after[0]
          ? `    - rename_column: { table: ${before[0]}, column: ${before[1]}, to: ${after[1]} }\n`
          : `    - rename_table: { table: ${before[0]}, to: ${after[0]} }\n`),
      seed: {
        old: `insert into hosts values (1, 'a', 'x'), (2, 'b', null); ${seed(...before)}`,
        new: `insert into hosts values (1, 'a'), (2, 'b'); insert into notes values (1, 'x');
          ${seed(...after)}`,
      },
      writes: (n) => [
        oldWrite(
          `insert into hosts values (100 + ${n}, 'o', 'y'), (200 + ${n}, 'o', null)`,
          `insert into hosts values (100 + ${n}, 'o'), (200 + ${n}, 'o');
           insert into notes values (100 + ${n}, 'y')`,
        ),
        newWrite(
          `insert into hosts (id, name) values (300 + ${n}, 'n');
           insert into ${after[0]} (id, ${after[1]}) values (100 + ${n}, 300 + ${n})`,
          `insert into hosts (id, name) values (300 + ${n}, 'n');
           insert into ${before[0]} (id, ${before[1]}) values (100 + ${n}, 300 + ${n})`,
        ),
        oldWrite(
          `insert into ${before[0]} (id, ${before[1]}) values (200 + ${n}, 200 + ${n})`,
          `insert into ${after[0]} (id, ${after[1]}) values (200 + ${n}, 200 + ${n})`,
        ),
        newWrite(`delete from hosts where id in (200 + ${n}, 299 + ${n})`),
        oldWrite(`delete from hosts where id = 99 + ${n}`),
        newWrite(
          `update ${after[0]} set n = 1 where ${after[1]} = 2`,
          `update ${before[0]} set n = 1 where ${before[1]} = 2`,
        ),
      ],
      refused: () => [
        {
          by: 'new',
          sql: `update ${after[0]} set ${after[1]} = 999 where id = 2`,
          lens: '23503',
          dual: '23503',
        },
      ],
    });

  it('has the name of the table that refers to it, which is renamed', () =>
    both(['disks', 'host'], ['volumes', 'host']));

  it('has the name of the column that refers to it, which is renamed', () =>
    both(['disks', 'host'], ['disks', 'machine']));
});
