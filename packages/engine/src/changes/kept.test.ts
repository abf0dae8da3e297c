import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stated, toldAtMark } from '../gate/testing/refused.js';
import { openReader, type Reader } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

describe('keep', () => {
  const t = 'create table t (id int primary key, a text, b text);';
  const u = 'create table u (id int primary key references t, b text, x text);';
  const refused: readonly [string, Stated, string][] = [
    [
      'is true or false',
      {
        from: t,
        to: 'create table t (id int primary key, a text, b text, x text);',
        changes: ['add_column: { table: t, column: x, up: a, keep: ‸always }'],
      },
      '"keep" of add_column is true or false, not "always"',
    ],
    [
      'needs a row of its own that gives back what it follows from',
      {
        from: t,
        to: `create table t (id int primary key, a text); ${u}`,
        changes: [
          'split_table: { table: t, into: { t: {}, u: { key: { id: id } } } }',
          'add_column: { table: u, column: x, up: ‸a || b, keep: true }',
        ],
      },
      '"keep" of u.x: "up" looks at a, which rows of u do not give back',
    ],
    [
      'looks at nothing that only the old release knows',
      {
        from: t,
        to: 'create table t (id int primary key, a text, x text);',
        changes: ['add_column: { table: t, column: x, up: ‸b, keep: true }'],
      },
      '"keep" of t.x: "up" looks at b, which rows of t do not give back',
    ],
    [
      'is not for merged tables',
      {
        from: `create table t (id int primary key, a text);
       create table v (id int primary key references t, b text);`,
        to: 'create table t (id int primary key, a text, b text, x text);',
        changes: [
          'merge_tables: { into: t, from: { t: {}, v: {} } }',
          'add_column: { table: t, column: x, up: ‸a, keep: true }',
        ],
      },
      '"keep" of t.x: no single row of t stands behind a row of t',
    ],
    [
      'is not for rows that are shared out',
      {
        from: t,
        to: `create table c (id int primary key, a text, b text, x text);
       create table d (id int primary key, a text, b text);`,
        changes: [
          "partition_rows: { table: t, into: { c: { when: a = 'c' }, d: { when: a <> 'c' } } }",
          'add_column: { table: c, column: x, up: ‸b, keep: true }',
        ],
      },
      '"keep" of c.x: no single row of t stands behind a row of c',
    ],
  ];

  it.each(refused)('%s', async (_, stated, told) => {
    const found = await toldAtMark(reader, stated);
    expect(found?.message).toContain(told);
  });
});
