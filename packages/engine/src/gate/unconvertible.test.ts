import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withDatabase } from '../testing/index.js';
import { openReader, type Reader } from './testing/written.js';
import { findUnconvertible } from './unconvertible.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

async function found(...written: Parameters<Reader['pair']>) {
  return findUnconvertible({ app: 'shop', ...(await reader.pair(...written)) }, { withDatabase });
}

const table = (column: string) => `create table t (id int primary key, a ${column}, z int);`;
const convert = (up: string) => [
  `convert_column: { table: t, column: a, up: "${up}", down: "null" }`,
];

describe('findUnconvertible', () => {
  it('finds a text that is no number, whether the cast is stated or not', async () => {
    const failing = {
      table: 't',
      column: 'a',
      from: 'a',
      value: 'a',
      reasons: expect.arrayContaining(['invalid input syntax for type integer: "a"']),
    };
    expect(await found(table('text'), table('int'))).toEqual([
      { ...failing, up: '("a")::integer', isStated: false },
    ]);
    expect(await found(table('text'), table('int'), convert('a::int'))).toEqual([
      { ...failing, up: 'a::int', isStated: true },
    ]);
  });

  it.each([
    ['too long a text', 'varchar(50)', 'varchar(10)', 'a'],
    ['too large a number', 'bigint', 'int', 'a::int'],
    ['a product out of range', 'int', 'int', 'a * 1024'],
    ['a number that divides', 'int', 'int', '100 / (a - 1)'],
    ['a number that has no room', 'numeric', 'numeric(4,2)', 'a'],
    ['an element', 'text[]', 'int[]', 'a::int[]'],
  ])('finds %s', async (_, from, to, up) => {
    expect(await found(table(from), table(to), convert(up))).toHaveLength(1);
  });

  it.each([
    ['every value', 'int', 'bigint', 'a::bigint * 1048576'],
    ['what is guarded', 'text', 'int', "case when a ~ '^[0-9]{1,9}$' then a::int end"],
    ['what a rule leaves', 'int check (a between 0 and 1000)', 'int', 'a * 1024'],
    ['what a type leaves', 'varchar(10)', 'text', 'lower(a)'],
    ['no column at all', 'text', 'int', '7'],
  ])('is content with %s', async (_, from, to, up) => {
    expect(await found(table(from), table(to), convert(up))).toEqual([]);
  });
});
