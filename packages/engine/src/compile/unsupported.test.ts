import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader, WRITTEN_FILE } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const T = 'create table t (id int primary key, a int, b int);';
const PARTS =
  'create table t (id int primary key, a int); create table u (id int primary key, b int);';
const SPLIT = ['split_table: { table: t, into: { t: {}, u: {} } }'];
const FUNCTION =
  'create function f() returns trigger language plpgsql as $f$ begin return new; end $f$;';
const TRIGGER = 'create trigger tr before insert on t for each row execute function f();';
const RULE = 'create rule ru as on delete to t do instead nothing;';
const POLICY = 'create policy po on t using (id > 0);';
const MATERIALIZED = 'create materialized view w as select 1 as one;';
const SAME_VIEW = 'create view w as select 1 as one;';

const refusal = (from: string, to: string, changes: readonly string[] = SPLIT) =>
  reader.bundle(from, to, changes).catch((error: unknown) => error);

describe('assertMovable', () => {
  it.each([
    ['a trigger', FUNCTION, FUNCTION + TRIGGER, 'trigger tr on t'],
    ['a rule', '', RULE, 'rule ru on t'],
    ['a policy', '', POLICY, 'policy po on t'],
    ['a view', '', 'create view w as select id from t;', 'view w over t'],
    [
      'a materialized view',
      '',
      'create materialized view w as select a from t;',
      'materialized view w over t',
    ],
  ])('refuses to split a table with %s', async (_, fixed, hanging, found) => {
    // The same objects in both releases, or they would be refused for being different.
    const to = hanging.includes('view') ? `${PARTS}${hanging}` : `${PARTS}${fixed}`;
    expect(await refusal(`${T}${hanging}`, to)).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `${WRITTEN_FILE}: the engine cannot carry yet ` +
        `what hangs on a table that changes: ${found}`,
    });
  });

  it('refuses to rebuild a partitioned table', async () => {
    const partitioned = (type: string) =>
      `create table t (id int primary key, a ${type}) partition by range (id);` +
      'create table t1 partition of t default;';
    expect(await refusal(partitioned('int'), partitioned('bigint'), [])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringContaining('partitions of t'),
    });
  });

  it.each([
    ['another key', ' partition by range (id)', ' partition by range (b)'],
    ['a first one', '', ' partition by range (id)'],
  ])('refuses to partition a table that stays by %s', async (_, before, after) => {
    const table = 'create table t (id int, b int, primary key (id, b))';
    expect(await refusal(`${table}${before};`, `${table}${after};`, [])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringContaining('another partitioning of t'),
      hint: expect.stringContaining('or leave the table as it is'),
    });
  });

  it('refuses a view over a table that is renamed or dropped', async () => {
    const view = 'create view w as select id from t;';
    const renamed = 'create table t2 (id int primary key, a int, b int);';
    expect(
      await refusal(T + view, `${renamed}create view w as select id from t2;`, [
        'rename_table: { table: t, to: t2 }',
      ]),
    ).toMatchObject({ code: 'EVOLUTION_UNSUPPORTED' });
    expect(await refusal(T + view, SAME_VIEW, [])).toMatchObject({ code: 'EVOLUTION_UNSUPPORTED' });
  });

  it('leaves alone what hangs on a table that stays as it is', async () => {
    const beside =
      `create table s (id int primary key); ${FUNCTION}` +
      `${TRIGGER.replaceAll(' t ', ' s ')} create view w as select id as t_id from s;`;
    expect(await refusal(T + beside, PARTS + beside)).toMatchObject({ app: 'shop' });
  });

  it('takes the name of a table for a whole word only, whatever is in it', async () => {
    const tables = 'create table "a+b(" (id int primary key, a int); create table a (x int);';
    const view = 'create view w as select x from a;';
    const to = tables.replace('a int', 'a bigint');
    expect(await refusal(tables + view, to + view, [])).toMatchObject({ app: 'shop' });
  });
});

describe('assertCarried', () => {
  it.each([
    ['a view that is new', '', SAME_VIEW, 'view w'],
    ['a view that differs', SAME_VIEW, SAME_VIEW.replace('1 as', '2 as'), 'view w'],
    ['a function that is new', '', FUNCTION, 'function f()'],
    ['a trigger that is new', FUNCTION, FUNCTION + TRIGGER, 'trigger t.tr'],
    [
      'a trigger that differs',
      FUNCTION + TRIGGER,
      FUNCTION + TRIGGER.replace('insert', 'update'),
      'trigger t.tr',
    ],
    ['a policy that is new', '', POLICY, 'policy t.po'],
    ['a policy that differs', POLICY, POLICY.replace('> 0', '> 1'), 'policy t.po'],
    ['a rule that is new', '', RULE, 'rule t.ru'],
    ['a rule that differs', RULE, RULE.replace('delete', 'update'), 'rule t.ru'],
    ['a materialized view that is new', '', MATERIALIZED, 'materialized view w'],
    [
      'a materialized view that differs',
      MATERIALIZED,
      MATERIALIZED.replace('1 as', '2 as'),
      'materialized view w',
    ],
  ])('refuses %s', async (_, from, to, found) => {
    expect(await refusal(T + from, T + to, [])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: `${WRITTEN_FILE}: release 2.0 changes what the engine cannot carry yet: ${found}`,
    });
  });

  it('takes what is equal in both releases, and what goes', async () => {
    expect(await refusal(T + SAME_VIEW, T + SAME_VIEW, [])).toMatchObject({ app: 'shop' });
    expect(await refusal(T + SAME_VIEW, T, [])).toMatchObject({ app: 'shop' });
  });
});

describe('a type that changes', () => {
  const TYPES = "create type e as enum ('a'); create domain d as e; create domain n as int;";
  const CHANGED = TYPES.replace("'a'", "'a', 'b'");
  const BODY =
    'create function f(e int) returns int language plpgsql as $f$ ' +
    "begin return case 'a'::e when 'a' then e end; end $f$;";

  it.each([
    ['a function of it', 'create function f(x e) returns int return 1;', 'function f(x e)'],
    [
      'a function of its domain',
      "create function f() returns d language plpgsql as 'begin return null; end';",
      'function f()',
    ],
    ['a composite type', 'create type c as (x e[]);', 'type c'],
    ['a view', "create view w as select 'a'::e::text as x;", 'view w'],
    [
      'a check of a table that stays',
      "create table s (x text check (x <> 'a'::e::text));",
      'check s_x_check of s',
    ],
    ['a default', "create table s (x text default 'a'::e::text);", 'the value of s.x'],
    [
      'an index',
      "create table s (x text); create index i on s (x) where ('a'::e > 'a'::e);",
      'index i of s',
    ],
  ])('is refused for the sake of %s', async (_, made, found) => {
    expect(await refusal(TYPES + made, CHANGED + made, [])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `${WRITTEN_FILE}: release 2.0 changes e, d, and the engine cannot carry yet ` +
        `what is made of it: ${found}`,
    });
  });

  it.each([
    [
      'unnest_column: { table: s, column: x, into: r, value: x, position: n }',
      'create table s (id int primary key, x e[]);',
      `create table s (id int primary key);
        create table r (s int references s on delete cascade, n int, x e, primary key (s, n));`,
    ],
    [
      'extract_table: { table: s, columns: { x: x }, into: r, reference: r }',
      'create table s (id int primary key, x e);',
      `create table r (id serial primary key, x e not null unique);
        create table s (id int primary key, r int references r);`,
    ],
  ])('is refused where values leave their row: %s', async (change, from, to) => {
    expect(await refusal(TYPES + from, CHANGED + to, [change])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringMatching(/:3:5: .* values of type e/),
    });
  });

  it('is refused as the type of a primary key', async () => {
    const table = 'create table s (x e primary key);';
    expect(await refusal(TYPES + table, CHANGED + table, [])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringContaining('the primary key of s has column x of type e'),
    });
  });

  it('may stand in the body of a function, and in tables that go', async () => {
    const gone = 'create table s (x e primary key);';
    const to = CHANGED + T + BODY;
    expect(await refusal(TYPES + T + BODY + gone, to, [])).toMatchObject({ app: 'shop' });
  });
});

describe('a column of the new release on a shared table', () => {
  it.each([
    ['an identity', 'd int generated always as identity', 'an identity'],
    ['required without a value', 'd int not null', 'not null without a constant default'],
    ['required, other in each row', 'd float not null default random()', 'not null without'],
  ])('is refused where it is %s, with the change to write', async (_, column, reason) => {
    const error = await refusal(T, T.replace('b int', `b int, ${column}`), []);
    expect(error).toMatchObject({
      code: 'EVOLUTION_INCOMPLETE',
      message: expect.stringContaining(
        'releases/2.0/evolution.yaml:2:1: column t.d needs a value for the rows of the old release',
      ),
      hint: expect.stringContaining('add_column: { table: t, column: d'),
    });
    expect((error as Error).message).toContain(reason);
  });
});

describe('a column of the old release on a shared table', () => {
  it('is refused where nothing says what it is in rows of the new release', async () => {
    const from = T.replace('b int', 'b int, d text not null');
    expect(await refusal(from, T, [])).toMatchObject({
      code: 'EVOLUTION_INCOMPLETE',
      message: expect.stringContaining(
        'evolution.yaml:2:1: column t.d is not null, has no default, and nothing says',
      ),
      hint: expect.stringContaining('drop_column: { table: t, column: d, down: <expression> }'),
    });
    const stated = ['drop_column: { table: t, column: d, down: "\'-\'" }'];
    expect(await refusal(from, T, stated)).toMatchObject({ app: 'shop' });
  });
});

describe('assertSettingsCarried', () => {
  it.each([
    [T, T.replace('table', 'unlogged table'), 'table t is unlogged'],
    [T.replace('table', 'unlogged table'), T, 'table t is not unlogged any more'],
  ])('refuses what would rewrite a table that stays', async (from, to, found) => {
    expect(await refusal(from, to, [])).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringContaining(`every row of a table that stays: in release 2.0 ${found}`),
      hint: expect.stringContaining('which is no drift'),
    });
  });
});
