import { describe, expect, it } from 'vitest';
import { assertSorted, compareRows, mergeSorted } from './merge.js';

const byNumber = (left: number, right: number) => left - right;

describe('mergeSorted', () => {
  it('gives one sorted list of everything', () => {
    const lists = [[1, 4, 9], [], [2, 3, 10, 11], [0], [4]];
    expect(mergeSorted(lists, byNumber, Number.POSITIVE_INFINITY)).toEqual([
      0, 1, 2, 3, 4, 4, 9, 10, 11,
    ]);
    expect(mergeSorted([], byNumber, 5)).toEqual([]);
  });

  it('stops at the limit', () => {
    expect(mergeSorted([[1, 4], [2, 3], [0]], byNumber, 3)).toEqual([0, 1, 2]);
    expect(mergeSorted([[1, 4]], byNumber, 1)).toEqual([1]);
    expect(mergeSorted([[1, 4], [2]], byNumber, 0)).toEqual([]);
  });

  it('keeps equal rows in the order of their lists', () => {
    const row = (value: number, from: string) => ({ value, from });
    const lists = [[row(1, 'a'), row(1, 'b')], [row(1, 'c')], [row(0, 'd'), row(1, 'e')]];
    const merged = mergeSorted(lists, (one, other) => one.value - other.value, 10);
    expect(merged.map((item) => item.from).join('')).toBe('dabce');
  });
});

describe('compareRows', () => {
  const fields = [
    { name: 'id', dataTypeID: 20 },
    { name: 'mood', dataTypeID: 16_400 },
  ];

  it('refuses a column that the rows do not have', () => {
    expect(() => compareRows([{ column: 'name' }], fields)).toThrow(
      /column name; the rows have id/,
    );
  });

  it('refuses a type that it cannot compare, unless the caller can', () => {
    expect(() => compareRows([{ column: 'mood' }], fields)).toThrow(/type of mood/);
    const moods = ['sad', 'ok', 'happy'];
    const compare = (one: unknown, other: unknown) =>
      moods.indexOf(String(one)) - moods.indexOf(String(other));
    const rows = compareRows([{ column: 'mood', direction: 'desc', compare }], fields);
    expect(rows({ mood: 'happy' }, { mood: 'sad' })).toBeLessThan(0);
  });

  it('turns to the next term when the first is equal', () => {
    const rows = compareRows([{ column: 'id' }, { column: 'id', direction: 'desc' }], fields);
    expect(rows({ id: '1' }, { id: '1' })).toBe(0);
  });
});

describe('assertSorted', () => {
  it('names the row and the shard that are out of order', () => {
    const compare = compareRows([{ column: 'id' }], [{ name: 'id', dataTypeID: 23 }]);
    assertSorted([{ id: 1 }, { id: 1 }, { id: 2 }], compare, 'a');
    expect(() => assertSorted([{ id: 1 }, { id: 3 }, { id: 2 }], compare, 'a')).toThrow(
      /row 3 of shard a/,
    );
  });
});
