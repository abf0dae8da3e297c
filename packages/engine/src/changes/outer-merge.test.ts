import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Stated, toldAtMark } from '../gate/testing/refused.js';
import { openReader, type Reader } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const FROM = `create table a (id int primary key, x int not null, note text);
  create table b (id int primary key, y int, note text);`;
const ALL: Stated = {
  from: FROM,
  to: 'create table c (id int primary key, x int, y int not null, note text, b_note text);',
  changes: [],
};
const renamed = 'rename_column: { table: b, column: note, to: b_note }';
const merge = (from: string) => `merge_tables: { into: c, from: { ${from} } }`;

describe('a full outer merge', () => {
  const refused: readonly [string, Partial<Stated>, string, string][] = [
    [
      'needs to know which rows are whose',
      { changes: [merge('a: { when: x is not null }, ‸b: {}'), renamed] },
      'nothing says which rows of c have one in b',
      'b: { when: <condition over the columns of c> }',
    ],
    [
      'needs to know from which of them a column comes',
      { changes: [`‸${merge('a: { when: x > 0 }, b: { when: y > 0, otherwise: { y: 0 } }')}`] },
      'column c.note could come from a or from b',
      'rename_column or drop_column: { table: b, column: note, … }',
    ],
    [
      'needs a value where the table has no row that gives one',
      { changes: [merge('a: { when: x is not null }, ‸b: { when: y > 0 }'), renamed] },
      'column c.y is not null, and nothing says what the new release reads there while b has no',
      'b: { otherwise: { y: <constant> } }',
    ],
    [
      'takes no key of another name',
      { changes: [merge('a: { when: x > 0 }, ‸b: { when: y > 0, key: { id: id } }'), renamed] },
      'the primary key of b does not stand for c (id) with the same names and types',
      'state a rename_column in place of "key"',
    ],
    [
      'takes no key of another type',
      {
        from: FROM.replace('b (id int', 'b (id bigint'),
        changes: [merge('a: { when: x > 0 }, ‸b: { when: y > 0 }'), renamed],
      },
      'the primary key of b does not stand for c (id) with the same names and types',
      'call it the same, or state a rename_column of b for each column of the key',
    ],
    [
      'is what "otherwise" of the first table is for',
      { changes: [merge('a: { otherwise: { x: ‸0 } }, b: { when: y > 0 }'), renamed] },
      'unless a "when" says that there may be none',
      '',
    ],
  ];

  it.each(refused)('%s', async (_, stated, told, advice) => {
    const found = await toldAtMark(reader, { ...ALL, ...stated });
    expect(found?.message).toContain(told);
    expect(found?.hint ?? '').toContain(advice);
  });
});
