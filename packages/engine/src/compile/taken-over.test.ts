// How values of one release's column become those of the other's.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader } from '../gate/testing/written.js';
import { layoutOf } from './layout.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const one = (labels: string) => `create type one as enum (${labels});`;
const TWO = "create type two as enum ('b', 'a');";
const table = (type: string) => `create table t (id int primary key, x ${type});`;

async function ways(from: string, to: string, changes: readonly string[] = []) {
  const pair = await reader.pair(from, to, changes);
  const layout = layoutOf(pair.from.catalog, pair.to.catalog, pair.evolution);
  const [found] = layout.pairs;
  return [found?.forward[1]?.up, found?.backward[1]?.down];
}

describe('takenOver', () => {
  it('serves a label that the old release lacks as what the column takes', async () => {
    const to = one("'a', 'b', 'c'");
    const from = one("'b', 'a'");
    const cases = [
      ['one', 'null'],
      ['one not null', "'b'"],
      ["one not null default 'a'", "'a'"],
    ] as const;
    for (const [type, stand] of cases) {
      expect(await ways(from + table(type), to + table(type))).toEqual([
        '"x"',
        `case ("x")::text when 'c' then ${stand} else ("x")::text end`,
      ]);
    }
  });

  it('serves it as null under a domain that takes one', async () => {
    const cases = [
      ["check (value <> 'b')", 'null'],
      ['not null', "'b'"],
    ] as const;
    for (const [rule, stand] of cases) {
      const under = (type: string) => `create domain tone as ${type} ${rule};${table('tone')}`;
      const [, down] = await ways(one("'b'") + under('one'), one("'b', 'c'") + under('one'));
      expect(down).toContain(`when 'c' then ${stand} else`);
    }
  });

  it('reads the label of the same name where several become one, else the first', async () => {
    const rename = (label: string, to: string) =>
      `rename_label: { type: one, label: ${label}, to: ${to} }`;
    const up = `case ("x")::text when 'a' then 'c' when 'b' then 'c' else ("x")::text end`;
    const changes = [rename('a', 'c'), rename('b', 'c')];
    const from = one("'a', 'b'") + table('one');
    expect(await ways(from, one("'c'") + table('one'), changes)).toEqual([
      up,
      `case ("x")::text when 'c' then 'a' else ("x")::text end`,
    ]);
    const same = one("'a', 'b', 'c'") + table('one');
    expect(await ways(same, one("'c', 'd'") + table('one'), changes)).toEqual([
      up,
      `case ("x")::text when 'd' then null else ("x")::text end`,
    ]);
  });

  it('goes by the text between enums of other names, in both releases', async () => {
    const types = one("'a', 'c'") + TWO;
    expect(await ways(types + table('one'), types + table('two'))).toEqual([
      '("x")::text::two',
      `(case ("x")::text when 'b' then null else ("x")::text end)::text::one`,
    ]);
  });

  it('exchanges the labels in an array', async () => {
    const changes = [
      'rename_label: { type: one, label: a, to: b }',
      'rename_label: { type: one, label: b, to: a }',
    ];
    const [from, to] = [one("'a', 'b'"), one("'b', 'a', 'c'")].map((t) => t + table('one[]'));
    const steps = (value: string) =>
      `array_replace(array_replace(array_replace(array_replace(${value}, 'a', '0'), 'b', '1'), ` +
      `'0', 'b'), '1', 'a')`;
    const [up, down] = await ways(from ?? '', to ?? '', changes);
    expect(up).toBe(steps('("x")::text[]'));
    expect(down).toMatch(
      /^case when \("x"\)::text\[\] && array\['c'\] then null else array_replace/,
    );
  });

  it('casts what is no enum, or is one on one side alone', async () => {
    expect(await ways(TWO + table('text'), TWO + table('two'))).toEqual([
      '("x")::two',
      '("x")::text',
    ]);
  });
});
