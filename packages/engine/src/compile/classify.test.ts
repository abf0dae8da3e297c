import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader } from '../gate/testing/written.js';
import {
  addedChecks,
  addedIndexes,
  crossingOf,
  isStable,
  matchedChecks,
  matchedIndexes,
  physicalDefinition,
  physicalIndexName,
  rebuildReason,
  tightenedColumns,
} from './classify.js';
import { layoutOf, type PairedTable } from './layout.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const SAME = "id int primary key, a text not null, b int, c text default 'x'";
const OLD = `create table t (${SAME});`;

/** Table t before and after. */
async function pairOf(after: string, changes: readonly string[] = [], before = OLD) {
  const { from, to, evolution } = await reader.pair(before, after, changes);
  return layoutOf(from.catalog, to.catalog, evolution).pairs[0] as PairedTable;
}

const table = (columns: string, beside = '') => `create table t (${columns});${beside}`;

describe('crossingOf', () => {
  it.each([
    ['nothing differs', table(SAME), [], 'same'],
    ['a column is appended', table(`${SAME}, d text`), [], 'native'],
    [
      'a column with a default is appended',
      table(`${SAME}, d int not null default 7`),
      [],
      'native',
    ],
    ['an index is added', table(SAME, 'create index t_b on t (b);'), [], 'native'],
    ['a foreign key is added', table(`${SAME}, d int references t`), [], 'native'],
    [
      'a column is added in the middle',
      table(SAME.replace('b int', 'd int, b int')),
      [],
      'overlay',
    ],
    ['columns stand in another order', table(SAME.replace('b int, c', 'c')), [], 'overlay'],
    ['a required column is appended', table(`${SAME}, d int not null`), [], 'overlay'],
    ['a column is not null', table(SAME.replace('b int', 'b int not null')), [], 'overlay'],
    ['a column may be null', table(SAME.replace('text not null', 'text')), [], 'overlay'],
    ['a default differs', table(SAME.replace("'x'", "'y'")), [], 'overlay'],
    ['a check is added', table(`${SAME}, check (b > 0)`), [], 'overlay'],
    ['a column goes', table(SAME.replace(', b int', '')), [], 'overlay'],
    [
      'a column goes, with a constant for the old release',
      table(SAME.replace(', b int', '')),
      ['drop_column: { table: t, column: b, down: "7" }'],
      'overlay',
    ],
    [
      'a column is renamed',
      table(SAME.replace('b int', 'bb int')),
      ['rename_column: { table: t, column: b, to: bb }'],
      'overlay',
    ],
    [
      'two columns change names',
      table('id int primary key, a int, b int'),
      [
        'rename_column: { table: t, column: a, to: b }',
        'rename_column: { table: t, column: b, to: a }',
      ],
      'overlay',
      table('id int primary key, a int, b int'),
    ],
    [
      'the table is renamed',
      table(SAME).replace('table t', 'table u'),
      ['rename_table: { table: t, to: u }'],
      'overlay',
    ],
  ] as [string, string, string[], string, string?][])(
    'keeps one physical table where %s',
    async (...row) => {
      const [, after, changes, kind, before] = row;
      const pair = await pairOf(after, changes, before);
      expect({ kind: crossingOf(pair), reason: rebuildReason(pair) }).toEqual({
        kind,
        reason: null,
      });
    },
  );

  it.each([
    ['a type changes', table(SAME.replace('b int', 'b bigint')), [], 'column b is computed'],
    [
      'a collation changes',
      table(SAME.replace('a text', 'a text collate "C"')),
      [],
      'column a is computed',
    ],
    [
      'a column is converted',
      table(SAME.replace('b int', 'b2 int')),
      ['convert_column: { table: t, column: b, to: b2, up: b * 2, down: b2 / 2 }'],
      'column b2 is computed',
    ],
    [
      'a column keeps its name and its type, and its value is converted',
      table(SAME),
      ['convert_column: { table: t, column: b, up: b * 2, down: b / 2 }'],
      'column b is computed',
    ],
    [
      'a new column is computed from old ones',
      table(`${SAME}, d int`),
      ['add_column: { table: t, column: d, up: b + 1 }'],
      'column d is computed',
    ],
    [
      'a dropped column is computed for the old release',
      table(SAME.replace(', b int', '')),
      ['drop_column: { table: t, column: b, down: length(a) }'],
      'column b of the old release is computed',
    ],
    [
      'a generated column says something else',
      table(`${SAME}, d int generated always as (b + 2) stored`),
      [],
      'column d is generated differently',
      table(`${SAME}, d int generated always as (b + 1) stored`),
    ],
    [
      'a unique key is added',
      table(`${SAME}, constraint t_b_key unique (b)`),
      [],
      'unique key t_b_key is new',
    ],
    [
      'a unique index is added',
      table(SAME, 'create unique index t_lower on t (lower(a));'),
      [],
      'unique key t_lower is new',
    ],
    [
      'a unique key is added on a column that only the new release writes',
      table(`${SAME}, d int unique`),
      [],
      'unique key t_d_key is new',
    ],
    [
      'a unique key takes another form',
      table(`${SAME}, unique nulls not distinct (b) deferrable`),
      [],
      'unique key t_b_key is new',
      table(`${SAME}, unique (b)`),
    ],
    [
      'the primary key moves',
      table(SAME.replace(' primary key', '').replace('a text not null', 'a text primary key')),
      [],
      'unique key t_pkey is new',
    ],
  ] as [string, string, string[], string, string?][])(
    'copies the table where %s',
    async (...row) => {
      const [, after, changes, reason, before] = row;
      const pair = await pairOf(after, changes, before);
      expect({ kind: crossingOf(pair), reason: rebuildReason(pair) }).toEqual({
        kind: 'rebuilt',
        reason,
      });
    },
  );

  it('follows a unique key through a renamed column', async () => {
    const pair = await pairOf(
      table(`${SAME.replace('b int', 'bb int')}, unique (bb)`),
      ['rename_column: { table: t, column: b, to: bb }'],
      table(`${SAME}, unique (b)`),
    );
    expect(crossingOf(pair)).toBe('overlay');
  });
});

describe('a column that is computed from now on', () => {
  it('loses at contract what does not follow', async () => {
    const columns = (form: string) => table(`${SAME}, d int${form}`);
    const { relations } = await reader.bundle(
      columns(''),
      columns(' generated always as (b + 1) stored'),
    );
    const lost = 'column d is computed: what else the old release has in it is lost';
    expect(relations).toMatchObject([
      { kind: 'rebuilt', label: 'lossy', notes: expect.arrayContaining([lost]) },
    ]);
  });
});

describe('rules of the new release', () => {
  it('are the checks and the nullability that the old one does not have', async () => {
    const pair = await pairOf(
      table(`${SAME.replace('b int', 'b int not null')}, check (id > 0), check (b > 0)`),
      [],
      table(`${SAME}, check (id > 0)`),
    );
    expect(addedChecks(pair).map((one) => one.expression)).toEqual(['(b > 0)']);
    expect(tightenedColumns(pair).map((one) => one.name)).toEqual(['b']);
  });
});

describe('indexes of a shared table', () => {
  const RENAME = ['rename_column: { table: t, column: b, to: bb }'];
  const renamed = SAME.replace('b int', 'bb int');

  it('are the same under another name or over a renamed column', async () => {
    const pair = await pairOf(
      table(renamed, 'create index by_bb on t (bb, a); create index by_a on t (a);'),
      RENAME,
      table(SAME, 'create index by_b on t (b, a); create index by_a on t (a);'),
    );
    expect(addedIndexes(pair)).toEqual([]);
    const { gone, pairs } = matchedIndexes(pair);
    expect(gone).toEqual([]);
    expect(pairs.map((one) => [one.old.name, one.new.name])).toEqual([
      ['by_a', 'by_a'],
      ['by_b', 'by_bb'],
    ]);
  });

  it('are said in the names of the physical table', async () => {
    const pair = await pairOf(
      table(
        renamed,
        `create index one on t (bb); create index two on t ((bb + 1) desc, a text_pattern_ops)
           include (c) with (fillfactor = 70) where bb > 0;`,
      ),
      RENAME,
    );
    const said = addedIndexes(pair).map((index) => [index.name, physicalDefinition(pair, index)]);
    expect(Object.fromEntries(said)).toEqual({
      one: 'btree (b)',
      two:
        'btree (("b" + 1) DESC, a text_pattern_ops) INCLUDE (c) WITH (fillfactor=70) ' +
        'WHERE "b" > 0',
    });
  });

  it('are built under another name where the old release has theirs', async () => {
    const { from, to } = await reader.pair(
      table(SAME, 'create index mine on t (a); create sequence s;'),
      table(
        SAME,
        'create index mine on t (b); create index s on t (a, b); create index u on t (c);',
      ),
      [],
    );
    const names = to.catalog.tables[0]?.indexes.map((one) => physicalIndexName(from.catalog, one));
    expect(names).toEqual(['halflap_mine', 'halflap_s', 'u']);
  });

  it('and checks that are there twice are paired by their names', async () => {
    const twice = (...names: string[]) =>
      table(
        `${SAME}, ${names.map((one) => `constraint c${one} check (b > 0)`).join(', ')}`,
        names.map((one) => `create index i${one} on t (b);`).join(''),
      );
    const pair = await pairOf(twice('2', '4'), [], twice('1', '2', '3'));
    for (const { pairs, gone, added } of [matchedChecks(pair), matchedIndexes(pair)]) {
      const names = pairs.map((one) => one.old.name.slice(1) + one.new.name.slice(1));
      expect([names, gone.length, added.length]).toEqual([['22', '14'], 1, 0]);
    }
  });
});

describe('isStable', () => {
  it.each(["'x'::text", '7', 'now()', 'CURRENT_TIMESTAMP', "'1 day'::interval"])(
    'trusts %s to give all rows one value',
    (expression) => expect(isStable(expression)).toBe(true),
  );
  it.each(['random()', 'gen_random_uuid()', 'clock_timestamp()', "nextval('s'::regclass)"])(
    'does not trust %s',
    (expression) => expect(isStable(expression)).toBe(false),
  );
});
