import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader } from '../gate/testing/written.js';
import { layoutOf, type PairedTable } from './layout.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

async function layout(from: string, to: string, changes: readonly string[] = []) {
  const pair = await reader.pair(from, to, changes);
  return layoutOf(pair.from.catalog, pair.to.catalog, pair.evolution);
}

const said = (pair: PairedTable | undefined) => ({
  up: Object.fromEntries(pair?.forward.map((one) => [one.column.name, one.up]) ?? []),
  down: Object.fromEntries(pair?.backward.map((one) => [one.column.name, one.down]) ?? []),
});

const sources = (pair: PairedTable | undefined) =>
  Object.fromEntries(pair?.forward.map((one) => [one.column.name, one.source]) ?? []);

describe('layoutOf', () => {
  it('pairs equal names; what is left is added or dropped', async () => {
    const found = await layout(
      'create table a (id int); create table b (id int);',
      'create table b (id int); create table c (id int);',
    );
    expect(found.pairs.map(({ old, new: target }) => [old.name, target.name])).toEqual([
      ['b', 'b'],
    ]);
    expect(found.added.map((one) => one.name)).toEqual(['c']);
    expect(found.dropped.map((one) => one.name)).toEqual(['a']);
  });

  it('follows tables that take names from each other', async () => {
    const found = await layout(
      'create table a (one int); create table b (two int);',
      'create table a (two int); create table b (one int);',
      ['rename_table: { table: a, to: b }', 'rename_table: { table: b, to: a }'],
    );
    expect(found.pairs.map(({ old, new: target }) => [old.name, target.name])).toEqual([
      ['a', 'b'],
      ['b', 'a'],
    ]);
    expect(found.pairs.map((one) => said(one).up)).toEqual([{ one: '"one"' }, { two: '"two"' }]);
  });

  it('follows columns that change names with each other', async () => {
    const { pairs } = await layout(
      'create table t (a int, b int);',
      'create table t (a int, b int);',
      [
        'rename_column: { table: t, column: a, to: b }',
        'rename_column: { table: t, column: b, to: a }',
      ],
    );
    expect(said(pairs[0])).toEqual({ up: { a: '"b"', b: '"a"' }, down: { a: '"b"', b: '"a"' } });
  });

  it('takes a name that was given up for a new thing', async () => {
    const { pairs } = await layout(
      'create table t (id int, state text);',
      'create table t (id int, status text, state text);',
      ['rename_column: { table: t, column: state, to: status }'],
    );
    expect(sources(pairs[0])).toEqual({ id: 'id', status: 'state', state: null });
    expect(said(pairs[0])).toEqual({
      up: { id: '"id"', status: '"state"', state: null },
      down: { id: '"id"', state: '"status"' },
    });
  });

  it('does not take a dropped and added column for one and the same', async () => {
    const { pairs } = await layout(
      'create table t (id int, kind text);',
      'create table t (id int, kind text);',
      ['drop_column: { table: t, column: kind, down: "$$x$$" }'],
    );
    expect(said(pairs[0])).toEqual({
      up: { id: '"id"', kind: null },
      down: { id: '"id"', kind: '$$x$$' },
    });
  });

  it('casts both ways where only the type differs', async () => {
    const { pairs } = await layout('create table t (a int);', 'create table t (a text);');
    expect(said(pairs[0])).toEqual({ up: { a: '("a")::text' }, down: { a: '("a")::integer' } });
    expect(sources(pairs[0])).toEqual({ a: null });
  });

  it('takes conversions as they are stated, several columns into one', async () => {
    const { pairs } = await layout(
      'create table t (first text, last text);',
      'create table t (name text);',
      [
        'convert_column: { table: t, columns: [first, last], to: name, ' +
          'up: "first || $$ $$ || last", ' +
          'down: { first: "split_part(name, $$ $$, 1)", last: "split_part(name, $$ $$, 2)" } }',
      ],
    );
    expect(said(pairs[0])).toEqual({
      up: { name: 'first || $$ $$ || last' },
      down: { first: 'split_part(name, $$ $$, 1)', last: 'split_part(name, $$ $$, 2)' },
    });
  });

  it('pairs the old table of a split with each part, and with nothing else', async () => {
    const found = await layout(
      'create table t (id int primary key, a int, b int);',
      'create table t (id int primary key, a int); create table u (t_id int primary key, b int);',
      ['split_table: { table: t, into: { t: {}, u: { key: { t_id: id } } } }'],
    );
    expect(found.pairs).toEqual([]);
    expect(found.added).toEqual([]);
    expect(found.splits[0]?.parts.map(({ pair }) => said(pair).up)).toEqual([
      { id: '"id"', a: '"a"' },
      { t_id: '"id"', b: '"b"' },
    ]);
  });

  it('refuses a table that the release does not have, with file and line', async () => {
    const pair = layout('create table t (id int primary key);', 'create table t (id int);', [
      'split_table: { table: t, into: { t: {}, nowhere: {} } }',
    ]);
    await expect(pair).rejects.toMatchObject({
      code: 'EVOLUTION_UNKNOWN_NAME',
      message: expect.stringMatching(/^releases\/2\.0\/evolution\.yaml:3:\d+: .*nowhere/),
    });
  });
});
