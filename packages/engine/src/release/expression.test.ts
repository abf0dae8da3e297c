// Expressions are bound by PostgreSQL's parser: what comes out means what went in.

import { HalflapError } from '@halflap/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bindColumns,
  columnMentions,
  columnsOf,
  loadParser,
  parseExpression,
} from './expression.js';

beforeAll(loadParser);

const KEPT: readonly string[] = `
a + b * c
(a + b) * c
a - (b - c)
- (-a)
not (a and b) or c
(not a) is null
not (a is null)
(not a) is not true
(a is null) = (b is null)
(a is null) is null
case a when 1 then 'x' when 2 then 'y' end
(case when a then b else c end)::int
a::text::int
cast(a as numeric(10,2))
-1::int
(-1)::int
coalesce(a, b, 0)
greatest(a, b) - least(a, b)
nullif(a, '')
array[[a,2],[3,b]]
(array[a,2,3])[b]
(coalesce(a, b))[1]
(case when a then b end)[1:2]
'{}'::int[]
a[1]
a[1:2]
(a).b
(a).b.c
(a[1]).b[2]
(f(a)).b
a ->> 'k'
(a->'b'->>'c')::int
a #>> '{x,y}'
a @> '{"x":1}'::jsonb
a ? 'x'
a['k']['l']
interval '1 day 2 hours' * a
interval '2' year to month
interval(3) '1 second'
a at time zone 'UTC' + interval '1 hour'
(a + interval '1 hour') at time zone 'UTC'
(a, b) < (1, 2)
row(a, b) is not distinct from row(1, 2)
row(a)
(a, b) overlaps (c, d)
a between 1 and b + 1
a not between symmetric 10 and 1
(a between 1 and 2) = b
a like 'x\\_%' escape '\\'
a not ilike b
a similar to 'x'
a ~ '^x' and a !~* 'y$'
a is distinct from b
a is not distinct from b
(a || b) collate "C" < c
a collate pg_catalog."de_DE"
E'a\\nb\\\\c'
'it''s ' || a
$x$a'b$x$ || a
U&'\\0061' || a
X'1F'
9223372036854775808 - a
current_user || current_date || a
current_timestamp(3) - a
pg_catalog.now()
"Foo" + "a b" + "select" + "user"
"q""uote"
"Été" || 'é'
extract(epoch from a)
substring(a from 1 for 2)
overlay(a placing b from 1 for 2)
trim(both 'x' from a)
position('x' in a)
a not in (1, b)
a = any(array[1,2])
a <> all('{1,2}'::int[])
a like any (array['x'])
f(variadic a)
make_interval(days => a)
"MySchema"."Func"(a)
a operator(pg_catalog.+) b
@ a + |/ b
(a ^ b) ^ c
a ^ (b ^ c)
(- a) ^ 2
(a | b) & c << 2
(a = b or c = d) and e = f
(a < b) = (c < d)
a::timestamp(3) with time zone
a::"MyType"[]
a::"char"
a::char(3)
date '2020-01-01' + a
a is json
xmlelement(name foo, a)
a /* c */ + b -- d
first || ' ' || last
split_part(full_name, ' ', 1)
`
  .trim()
  .split('\n');

/** The tree of an expression without positions, and with every column under one name. */
function shape(sql: string): string {
  return JSON.stringify(parseExpression(sql), (key, value) => {
    if (key === 'ColumnRef') return 'column';
    return key === 'location' || /^(rexpr_)?list_/.test(key) ? undefined : value;
  });
}

describe('bindColumns', () => {
  it.each(KEPT)('keeps the meaning of %s', (sql) => {
    const bound = bindColumns(sql, (column) => ({ qualifier: 'old', column }));
    expect(shape(bound)).toBe(shape(sql));
    expect(columnsOf(bound)).toEqual(columnsOf(sql));
    for (const mention of columnMentions(bound)) expect(mention.qualifier).toBe('old');
  });

  it.each(KEPT)('puts an expression in the place of each column of %s', (sql) => {
    const bound = bindColumns(sql, () => ({ expression: 'x or y' }));
    expect(() => parseExpression(bound)).not.toThrow();
    const expected = columnsOf(sql).length === 0 ? [] : ['x', 'y'];
    expect(columnsOf(bound)).toEqual(expected);
  });

  it('qualifies and quotes every column', () => {
    const old = (column: string) => ({ qualifier: 'old', column });
    expect(bindColumns('memory * 2', old)).toBe('"old"."memory" * 2');
    expect(bindColumns('"A""b" + a', old)).toBe('"old"."A""b" + "old"."a"');
    expect(bindColumns('hosts.memory', old)).toBe('"old"."memory"');
  });

  it('drops the qualifier when the binding has none', () => {
    expect(bindColumns('t.a', (column) => ({ qualifier: null, column }))).toBe('"a"');
  });

  it('renames a column but neither the function, the type nor the string of the same name', () => {
    const bound = bindColumns("name(name) || 'name' || x::name", (column) => ({
      qualifier: null,
      column: `${column}_2`,
    }));
    expect(bound).toBe(`(name("name_2") || 'name') || CAST("x_2" AS name)`);
  });

  it('puts a substituted expression in parentheses', () => {
    expect(bindColumns('a * b', () => ({ expression: 'c + d' }))).toBe('(c + d) * (c + d)');
    expect(bindColumns('a::text', () => ({ expression: 'c || d' }))).toBe('CAST((c || d) AS text)');
    expect(bindColumns('- a', () => ({ expression: '-5' }))).toMatch(/^- ?\(-5\)$/);
  });

  it('refuses a substitution that is not one expression', () => {
    const inject = () => bindColumns('a', () => ({ expression: '1); drop table x; --' }));
    expect(inject).toThrow(HalflapError);
  });
});

describe('columnsOf', () => {
  it('lists each column once, in order, without what only looks like one', () => {
    expect(columnsOf('b + a + B + "B" + now() + current_user + t.c')).toEqual(['b', 'a', 'B', 'c']);
    expect(columnsOf("'a' || 1")).toEqual([]);
    expect(columnsOf('case a when b then c else d end')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('says where each mention stands, in UTF-16 units', () => {
    expect(columnMentions("'🙂é' || a || t.b")).toEqual([
      { qualifier: null, column: 'a', offset: 9 },
      { qualifier: 't', column: 'b', offset: 14 },
    ]);
  });
});

describe('parseExpression', () => {
  it.each([
    ['a +', 1, 4, 'syntax error at end of input'],
    ['a +\n  * b', 2, 3, 'syntax error'],
    ["'🙂' a b", 1, 8, 'syntax error'],
    ['', 1, 1, 'empty'],
    ['-- nothing', 1, 1, 'empty'],
    ['a, b', 1, 1, 'single expression'],
    ['a as b', 1, 1, 'single expression'],
    ['a b', 1, 1, 'single expression'],
    ['a from t', 1, 1, 'single expression'],
    ['a limit 1', 1, 1, 'single expression'],
    ['distinct a', 1, 1, 'single expression'],
    ['all a', 1, 1, 'single expression'],
    ['a;', 1, 1, 'single expression'],
    ['a; drop table t', 1, 1, 'single expression'],
    ['a union select b', 1, 1, 'single expression'],
    ['a) + (b', 1, 2, 'syntax error'],
    ['(select 1)', 1, 1, 'subquery'],
    ['a in (select 1)', 1, 3, 'subquery'],
    ['1 + $1', 1, 5, 'parameter'],
    ['default', 1, 1, 'DEFAULT'],
    ['*', 1, 1, 'single expression'],
    ['f(t.*)', 1, 3, 'whole row'],
    ['a + max(b)', 1, 5, 'aggregate'],
    ['f(b order by c)', 1, 1, 'aggregate'],
    ['count(*)', 1, 1, 'aggregate'],
    ['pg_catalog.sum(a)', 1, 1, 'aggregate'],
    ['row_number() over ()', 1, 1, 'window'],
    ['unnest(a)', 1, 1, 'rows'],
    ['s.t.a', 1, 1, 'qualifier'],
  ])('refuses %j at line %i, column %i', (sql, line, column, reason) => {
    const error = refusalOf(sql);
    expect(error.code).toBe('EVOLUTION_INVALID');
    expect(error.message).toContain(reason);
    expect(error.detail).toMatchObject({ line, column });
  });
});

function refusalOf(sql: string): HalflapError {
  try {
    parseExpression(sql);
  } catch (error) {
    if (error instanceof HalflapError) return error;
    throw error;
  }
  throw new Error(`accepted: ${sql}`);
}
