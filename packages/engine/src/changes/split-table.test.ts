import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { layoutOf } from '../compile/layout.js';
import { layoutBind, placesOf } from '../compile/places.js';
import { openReader, type Reader } from '../gate/testing/written.js';
import { splitCluster } from './split-table.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

/** The only cluster of an evolution: a split, or a table that is rebuilt as a whole. */
async function cluster(from: string, to: string, changes: readonly string[] = []) {
  const pair = await reader.pair(from, to, changes);
  const layout = layoutOf(pair.from.catalog, pair.to.catalog, pair.evolution);
  const [split] = layout.splits;
  return split === undefined
    ? splitCluster(layout.pairs.slice(0, 1), null, pair.evolution)
    : splitCluster(
        split.parts.map((one) => one.pair),
        split.change,
        pair.evolution,
      );
}

const OLD = 'create table t (id int primary key, a text, b text, c int not null default 0);';
const into = (parts: string) => [`split_table: { table: t, into: { ${parts} } }`];
const keys = ({ parts }: Awaited<ReturnType<typeof cluster>>) =>
  Object.fromEntries(
    parts.map((part) => [
      part.table.name,
      Object.fromEntries(part.key.map((one) => [one.new.name, one.old])),
    ]),
  );

describe('the key of a part', () => {
  it('is the one that is stated', async () => {
    const found = await cluster(
      OLD,
      'create table t (id int primary key, a text);' +
        'create table u (n int primary key, b text, c int);',
      into('t: {}, u: { key: { n: id } }'),
    );
    expect(keys(found)).toEqual({ t: { id: 'id' }, u: { n: 'id' } });
  });

  it('is that of the foreign key to the first part', async () => {
    const found = await cluster(
      OLD,
      'create table t (id int primary key, a text);' +
        'create table u (t_id int primary key references t, b text, c int);',
      into('t: {}, u: {}'),
    );
    expect(keys(found)).toEqual({ t: { id: 'id' }, u: { t_id: 'id' } });
  });

  it('is the primary key of the same name, in the order of the old one', async () => {
    const found = await cluster(
      'create table t (x int, y text, a int, b int, primary key (x, y));',
      'create table t (x int, y text, a int, primary key (x, y));' +
        'create table u (y text, x int, b int, primary key (y, x));',
      into('t: {}, u: {}'),
    );
    expect(found.parts.map((part) => part.mapping.slice)).toEqual([
      ['x', 'y'],
      ['x', 'y'],
    ]);
  });

  it('may be a unique key beside a surrogate that the new release generates', async () => {
    const found = await cluster(
      OLD,
      'create table t (id int primary key, a text);' +
        'create table u (id serial primary key, t_id int not null unique references t,' +
        ' b text, c int);',
      into('t: {}, u: { key: { t_id: id }, generate: [id] }'),
    );
    expect(keys(found)).toEqual({ t: { id: 'id' }, u: { t_id: 'id' } });
    expect(found.parts[1]?.mapping.onInsert).toEqual(['id']);
    expect(found.parts[1]?.isPlain).toBe(false);
  });
});

describe('a refusal', () => {
  const PLACE = 'releases/2.0/evolution.yaml:3:';
  const refused: readonly [string, string, string, readonly string[], string, string][] = [
    [
      'a table without a primary key',
      'create table t (id int, a text, b text);',
      'create table t (id int primary key, a text); create table u (id int primary key, b text);',
      into('t: {}, u: {}'),
      'EVOLUTION_UNSUPPORTED',
      'table t has no primary key, so its rows cannot be told apart',
    ],
    [
      'parts that need one another in a circle',
      OLD,
      `create table t (id int primary key, a text);
        create table u (t_id int primary key references t, b text);
        create table v (t_id int primary key references u, c int);
        alter table t add constraint closing foreign key (id) references v
          deferrable initially deferred;`,
      into('t: {}, u: { key: { t_id: id } }, v: { key: { t_id: id } }'),
      'EVOLUTION_UNSUPPORTED',
      'a row of t needs one of v (closing), which needs one of t: through a lens neither can be ' +
        'written first',
    ],
    [
      'a part without a unique key',
      OLD,
      'create table t (id int primary key, a text, c int); create table u (t_id int, b text);',
      into('t: {}, u: { key: { t_id: id } }'),
      'EVOLUTION_INCOMPLETE',
      'table u has no unique key that stands for t(id) with the same types',
    ],
    [
      'a key of another type',
      OLD,
      'create table t (id int primary key, a text, c int);' +
        'create table u (id bigint primary key, b text);',
      into('t: {}, u: { key: { id: id } }'),
      'EVOLUTION_INCOMPLETE',
      'table u has no unique key that stands for t(id) with the same types',
    ],
    [
      'a required column of the new release without a value',
      OLD,
      'create table t (id int primary key, a text, c int, d int not null);' +
        'create table u (id int primary key, b text);',
      into('t: {}, u: {}'),
      'EVOLUTION_INCOMPLETE',
      'column t.d is not null, has no default, and nothing says what the rows of the old release',
    ],
    [
      'a required column of the old release without a value',
      'create table t (id int primary key, a text, b text, kind int not null);',
      'create table t (id int primary key, a text); create table u (id int primary key, b text);',
      into('t: {}, u: {}'),
      'EVOLUTION_INCOMPLETE',
      'column t.kind is not null, has no default, and nothing says what the old release reads',
    ],
    [
      'a required old column whose part may have no row',
      'create table t (id int primary key, a text, b text not null);',
      'create table t (id int primary key, a text);' +
        'create table u (id int primary key, b text not null);',
      into('t: {}, u: {}'),
      'EVOLUTION_INCOMPLETE',
      'nothing says what the old release reads there while u has no row',
    ],
    [
      'a computed column in a table without a primary key',
      'create table t (id int, b int);',
      'create table t (id int, b2 int);',
      ['convert_column: { table: t, column: b, to: b2, up: b * 2, down: b2 / 2 }'],
      'EVOLUTION_UNSUPPORTED',
      'table t has no primary key, so its rows cannot be told apart',
    ],
  ];
  it.each(refused)('names file and line: %s', async (_, from, to, ...[changes, code, message]) => {
    const found = await cluster(from, to, changes).catch((error: unknown) => error);
    expect(found).toMatchObject({
      code,
      message: expect.stringMatching(/:3:\d+: /),
      detail: { file: 'releases/2.0/evolution.yaml', line: 3 },
      hint: expect.stringMatching(/./),
    });
    expect((found as Error).message).toContain(message);
    expect((found as Error).message.startsWith(PLACE)).toBe(true);
  });

  it('is lifted by a value for the part that has no row', async () => {
    const found = await cluster(
      'create table t (id int primary key, a text, b text not null);',
      'create table t (id int primary key, a text);' +
        'create table u (id int primary key, b text not null);',
      into('t: {}, u: { otherwise: { b: "$$none$$" } }'),
    );
    const [old] = found.backward;
    expect(old?.query(layoutBind(placesOf('shop', '1.0', '2.0'), 'dual')).text).toBe(
      'select "p0"."id" as "id", "p0"."a" as "a", ' +
        'case when "p1"."id" is null then ($$none$$)::text else "p1"."b" end as "b" ' +
        'from "shop_2_0"."t" as "p0" left join "shop_2_0"."u" as "p1" on "p1"."id" = "p0"."id"',
    );
  });
});

describe('absence', () => {
  const TO = (b: string) =>
    'create table t (id int primary key, a text);' +
    `create table u (id int primary key, ${b}, c int);`;
  const spill = async (part: string, b = 'b text') => {
    const found = await cluster(OLD, TO(b), into(`t: {}, u: ${part}`));
    return found.parts.map((one) => one.absence?.name ?? null);
  };

  it('is kept where any row of the part may be missing', async () => {
    expect(await spill('{}')).toEqual([null, 'halflap_absent_u']);
  });

  it('needs no record where a null of the part’s own column says it', async () => {
    expect(await spill('{ when: b is not null }', 'b text not null')).toEqual([null, null]);
    expect(await spill('{ when: b is not null and c > 0 }', 'b text not null')).toEqual([
      null,
      null,
    ]);
  });

  it('is kept where the condition can hold without a value of the part’s own', async () => {
    expect(await spill('{ when: b is not null or c > 0 }')).toEqual([null, 'halflap_absent_u']);
    expect(await spill('{ when: a is not null }')).toEqual([null, 'halflap_absent_u']);
    expect(await spill('{ when: c is not null }')).toEqual([null, 'halflap_absent_u']);
  });
});

describe('isPlain', () => {
  const plain = async (from: string, to: string, changes: readonly string[]) =>
    Object.fromEntries(
      (await cluster(from, to, changes)).parts.map((one) => [one.table.name, one.isPlain]),
    );
  const TO =
    'create table t (id int primary key, a text); create table u (id int primary key, b text);' +
    'create table v (id int primary key, c int);';
  const INTO = 't: {}, u: { when: b is not null }, v: {}';

  it('holds where every column is a column of the old table', async () => {
    expect(await plain(OLD, TO, into(INTO))).toEqual({ t: true, u: true, v: true });
  });

  it('fails for a part that keeps a column beside the old table', async () => {
    const to = TO.replace('b text', 'b text, extra int');
    expect(await plain(OLD, to, into(INTO))).toEqual({ t: true, u: false, v: true });
  });

  it('fails for a computed column', async () => {
    const convert = 'convert_column: { table: t, column: c, up: c + 1, down: c - 1 }';
    expect(await plain(OLD, TO, [...into(INTO), convert])).toEqual({ t: true, u: true, v: false });
  });

  it('fails where another part’s row hangs on a column', async () => {
    const parts = INTO.replace('b is not null', 'b is not null and a is not null');
    expect(await plain(OLD, TO, into(parts))).toEqual({ t: false, u: true, v: true });
  });

  it('fails where a column of the old release is computed from it', async () => {
    const from = OLD.replace('c int', 'kind text, c int');
    const drop = 'drop_column: { table: t, column: kind, down: "coalesce(a, $$?$$)" }';
    expect(await plain(from, TO, [...into(INTO), drop])).toEqual({ t: false, u: true, v: true });
  });
});

describe('what each mapping watches', () => {
  it('is the key, the columns that it reads and those of its condition', async () => {
    const found = await cluster(
      OLD,
      'create table t (id int primary key, a text);' +
        'create table u (id int primary key, b text, c int);',
      into('t: {}, u: { when: b is not null }'),
    );
    const watched = found.forward.map(({ touches }) => touches[0]?.watches);
    expect(watched).toEqual([
      ['id', 'a'],
      ['id', 'b', 'c'],
    ]);
    expect(found.backward[0]?.touches.map((one) => [one.feeds, one.drives])).toEqual([
      [['a'], true],
      [['b', 'c'], false],
    ]);
  });
});
