import { beforeAll, describe, expect, it } from 'vitest';
import { loadParser } from '../release/expression.js';
import { conjunctsNotNull, isConstant, mentionsAny } from './expression-shape.js';

beforeAll(loadParser);

describe('conjunctsNotNull', () => {
  it.each([
    ['a is not null', ['a']],
    ['a is not null and (b is not null and c > 0)', ['a', 'b']],
    ['a is not null or b is not null', []],
    ['not (a is null)', []],
    ['(a + 1) is not null', []],
    ['a is null', []],
  ])('%s asks for %j', (condition, columns) => {
    expect(conjunctsNotNull(condition)).toEqual(columns);
  });
});

describe('isConstant', () => {
  it.each(['1', "'x'", "'x'::text", 'null', 'true', "('1'::text)::int"])('takes %s', (text) => {
    expect(isConstant(text)).toBe(true);
  });
  it.each(['a', 'now()', '1 + 1', 'current_date'])('does not take %s', (text) => {
    expect(isConstant(text)).toBe(false);
  });
});

describe('mentionsAny', () => {
  it('sees a column wherever it stands, and no string for one', () => {
    expect(mentionsAny('coalesce(x, lower(y))', new Set(['y']))).toBe(true);
    expect(mentionsAny("x || 'y'", new Set(['y']))).toBe(false);
  });
});
