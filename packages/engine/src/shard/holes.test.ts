// Holes of a bundle, filled: where the floor's tables live, and the four shapes of a key range.

import { describe, expect, it } from 'vitest';
import { assertFilled, fillFloor, fillRange } from './holes.js';

const KEY = [
  { name: 'a"b', type: 'integer' },
  { name: 'c', type: 'text' },
];

describe('fillFloor', () => {
  const floor = { schema: 'shop_2_0', tables: new Set(['items']) };

  it('finds a table in the release schema, and any other at home', () => {
    expect(fillFloor('table {{floor:items}}', floor)).toBe('table "shop_2_0"."items"');
    expect(fillFloor('table {{floor:odd"name}}', floor)).toBe('table "public"."odd""name"');
  });

  it('leaves no hole of another kind unnoticed', () => {
    expect(() => assertFilled('select {{what:ever}}', 'expand/x')).toThrow('{{what:ever}}');
    expect(assertFilled("select '{}'", 'expand/x')).toBe("select '{}'");
  });
});

describe('fillRange', () => {
  const text = 'select from t s where {{range:s}}';

  it('covers everything without bounds', () => {
    expect(fillRange(text, KEY, { lower: null, upper: null })).toEqual({
      text: 'select from t s where true',
      values: [],
    });
  });

  it('excludes the lower bound and includes the upper one', () => {
    const both = fillRange(text, KEY, { lower: ['1', 'x'], upper: ['2', 'y'] });
    expect(both.text).toBe(
      'select from t s where (("s"."a""b", "s"."c") > ($1::integer, $2::text)' +
        ' and ("s"."a""b", "s"."c") <= ($3::integer, $4::text))',
    );
    expect(both.values).toEqual(['1', 'x', '2', 'y']);
    const lower = fillRange(text, KEY, { lower: ['1', 'x'], upper: null });
    expect(lower.text).toContain('(("s"."a""b", "s"."c") > ($1::integer, $2::text))');
    const upper = fillRange(text, KEY, { lower: null, upper: ['2', 'y'] });
    expect(upper.text).toContain('(("s"."a""b", "s"."c") <= ($1::integer, $2::text))');
  });

  it('compares a single column as such, and gives no values to a text without a hole', () => {
    const key = [{ name: 'id', type: 'uuid' }];
    const range = { lower: ['x'], upper: null };
    expect(fillRange(text, key, range).text).toContain('("s"."id" > $1::uuid)');
    expect(fillRange('select 1', key, range).values).toEqual([]);
  });
});
