// Holes of a bundle, filled: where the floor's tables live, and the four shapes of a key range.

import { describe, expect, it } from 'vitest';
import { assertFilled, fillFloor, fillRange, fillSchema } from './holes.js';

const KEY = [
  { name: 'a"b', type: 'integer' },
  { name: 'c', type: 'text' },
];

describe('fillFloor', () => {
  const floor = { hash: 'abc', schema: 'shop_2_0', tables: new Set(['items']) };

  it('finds a table in the release schema, and any other at home', () => {
    expect(fillFloor('table {{floor:items}}', floor)).toBe('table "shop_2_0"."items"');
    expect(fillFloor('table {{floor:odd"name}}', floor)).toBe('table "public"."odd""name"');
  });

  it('knows the schema of a table and the hash of the bundle', () => {
    const text = 'drop index {{schema:items}}.i, {{schema:hosts}}.h -- {{hash}}';
    expect(fillFloor(text, floor)).toBe('drop index "shop_2_0".i, "public".h -- abc');
    expect(fillSchema('{{schema:items}}', floor)).toBe('shop_2_0');
    expect(fillSchema('shop_1_0', floor)).toBe('shop_1_0');
  });

  it('leaves no hole of another kind unnoticed', () => {
    expect(() => assertFilled('select {{what:ever}}', 'expand/x')).toThrow('{{what:ever}}');
    const array = "select '{{1,2}}'::int[]";
    expect(assertFilled(array, 'expand/x')).toBe(array);
  });
});

describe('fillRange', () => {
  const text = 'select from t s where {{range:s}}';

  it('covers everything without bounds', () => {
    const everything = { lower: null, upper: null };
    expect(fillRange(text, KEY, everything)).toBe('select from t s where true');
  });

  it('excludes the lower bound and includes the upper one', () => {
    const first = `"s"."a""b"`;
    const both = `(${first}, "s"."c")`;
    const lower = `${first} >= '1'::integer and ${both} > ('1'::integer, 'x'::text)`;
    const upper = `${first} <= '2'::integer and ${both} <= ('2'::integer, 'y'::text)`;
    const fill = (from: string[] | null, to: string[] | null) =>
      fillRange(text, KEY, { lower: from, upper: to });
    expect(fill(['1', 'x'], null)).toBe(`select from t s where (${lower})`);
    expect(fill(null, ['2', 'y'])).toBe(`select from t s where (${upper})`);
    expect(fill(['1', 'x'], ['2', 'y'])).toBe(`select from t s where (${lower} and ${upper})`);
  });

  it('compares a single column as such, and quotes whatever a key holds', () => {
    const key = [{ name: 'id', type: 'text' }];
    const range = { lower: [`it's $1 {{range:s}} \\`], upper: null };
    expect(fillRange('{{range:s}}', key, range)).toBe(
      `("s"."id" >  E'it''s $1 {{range:s}} \\\\'::text)`,
    );
    expect(fillRange('select 1', key, range)).toBe('select 1');
  });
});
