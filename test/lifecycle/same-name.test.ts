// Constraints and indexes of the new release that have the name of another one of the old release,
// on a table that both share under other names, and on one that is split.

import { describe, it } from 'vitest';
import { lifecycleCase, newWrite, oldWrite } from './lifecycle-case.js';

const OLD = 'id int primary key, a int, b int, v text, n int';
const KINDS = {
  shared: {
    columns: OLD.replace('v text', 'w text'),
    evolution: 'changes: [rename_column: { table: t, column: v, to: w }]',
    part: '',
  },
  split: {
    columns: OLD.replace('v text, n int', 'w text'),
    evolution: `changes:
      - rename_column: { table: t, column: v, to: w }
      - split_table: { table: t, into: { t: {}, u: { when: n is not null } } }`,
    part: 'create table u (id int primary key references t on delete cascade, n int not null);',
  },
} as const;

/** What stands in the table, and what after it. */
type Rules = readonly [string, string];

interface Row {
  readonly old: Rules;
  readonly new: Rules;
  /** What stands before it in each release. */
  readonly beside?: readonly [string, string];
  /** SQLSTATE of a write that the new rules refuse, on a table that is split, and else. */
  readonly refused?: { readonly split: string; readonly shared: string | null };
}

function row(kind: keyof typeof KINDS, one: Row): Promise<void> {
  const { columns, evolution, part } = KINDS[kind];
  const { old, beside = ['', ''] } = one;
  const refused = one.refused?.[kind] ?? null;
  const sql = `update t set a = 5, b = 7 where id = 1`;
  return lifecycleCase({
    from: `${beside[0]} create table t (${OLD}${old[0]}); ${old[1]}`,
    to: `${beside[1]} create table t (${columns}${one.new[0]}); ${part} ${one.new[1]}`,
    evolution,
    seed: {
      old: `insert into t (id, a, b, v) values (1, 100, 1, 'x')`,
      new: `insert into t (id, a, b, w) values (1, 100, 1, 'x')`,
    },
    writes: (n) => [
      oldWrite(
        `insert into t (id, a, b, v) values (100 + ${n}, 100 + ${n}, 1, 'o')`,
        `insert into t (id, a, b, w) values (100 + ${n}, 100 + ${n}, 1, 'o')`,
      ),
      newWrite(
        `insert into t (id, a, b, w) values (200 + ${n}, 200 + ${n}, 1, 'n')`,
        `insert into t (id, a, b, v) values (200 + ${n}, 200 + ${n}, 1, 'n')`,
      ),
      newWrite(
        `update t set w = w || '.' where id > 100`,
        `update t set v = v || '.' where id > 100`,
      ),
    ],
    refused: () => [{ by: 'new', sql, lens: refused, dual: refused }],
  });
}

describe.each(['shared', 'split'] as const)('on a table that is %s, the name of', (kind) => {
  it('a check may be that of another check, and a check may have another name', () =>
    row(kind, {
      old: [
        `, constraint c check (a > 0), constraint d check (v <> ''),
          constraint e check (b > 0), constraint f check (b > -1)`,
        '',
      ],
      new: [
        `, constraint c check (a > 10), constraint f check (w <> ''),
          constraint d check (b > 0), constraint g check (b > -1)`,
        '',
      ],
      // With a check option, the view of a shared table says it in its own words.
      refused: { split: '23514', shared: '44000' },
    }));

  it('an index may be that of another index, of a key, or of something else', () =>
    row(kind, {
      old: [
        `, constraint k unique (a)`,
        `create index i on t (a); create index j on t (b); create index one on t (a, b);
         create index two on t (a, b); create index three on t (a, b);`,
      ],
      new: [
        '',
        `create index i on t (b); create index k on t (a); create index l on t (a, id);
         create index one on t (a, b); create index three on t (a, b);`,
      ],
      beside: [
        'create table o (id int primary key); create index l on o (id);',
        'create table o (id int primary key);',
      ],
    }));

  it('a unique constraint may be that of another one', () =>
    row(kind, {
      old: [`, constraint k unique (a), constraint l unique (a, b)`, ''],
      new: [`, constraint k unique (a, id), constraint l unique (a)`, ''],
    }));

  it('a foreign key may be that of another one', () => {
    const others = (name: string) =>
      `create table ${name} (id int primary key, code int unique default 1);`;
    const rows = `insert into o values (1);
      insert into p (id, code) select i, i from generate_series(1, 300) i;`;
    return row(kind, {
      old: [
        `, constraint k foreign key (b) references o, constraint l foreign key (a) references p,
          constraint n foreign key (b) references o`,
        rows,
      ],
      new: [
        `, constraint k foreign key (b) references o on delete cascade,
          constraint l foreign key (b) references p, constraint m foreign key (a) references p,
          constraint n foreign key (b) references o (code)`,
        rows,
      ],
      beside: [others('o') + others('p'), others('o') + others('p')],
      refused: { split: '23503', shared: '23503' },
    });
  });

  it('an index stays, whatever the index says of a column that has another name', () =>
    row(kind, {
      old: [
        '',
        `create index i on t (lower(v)); create index j on t (b) where v > 'a';
         create index k on t (b) include (v); create index l on t (v desc, b);
         create index m on t (v text_pattern_ops);`,
      ],
      new: [
        '',
        `create index i on t (lower(w)); create index j on t (b) where w > 'a';
         create index k on t (b) include (w); create index l on t (w desc, b);
         create index m on t (w text_pattern_ops);
         create index n on t (upper(w)) where w < 'z';`,
      ],
    }));
});
