import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader, WRITTEN_FILE } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const T = 'create table t (id int primary key, a int, b int);';
const SECURED = 'alter table t enable row level security;';
const POLICY = "create policy own on t using (a = current_setting('app.tenant')::int);";
const RULE = 'create rule ru as on delete to t do instead nothing;';
const FUNCTION =
  'create function f() returns trigger language plpgsql as $f$ begin return new; end $f$;';
const TRIGGER = 'create trigger tr before insert on t for each row execute function f();';

const compiled = (from: string, to: string, changes: readonly string[] = []) =>
  reader.bundle(from, to, changes).catch((error: unknown) => error);

describe('row security', () => {
  const RENAMED = T.replace(' b ', ' c ');
  const passed = (place: string) => ({
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      `${WRITTEN_FILE}${place}: release 2.0 would reach rows past the row security of t: ` +
      "until contract it works through a view, which has its owner's rights",
    hint:
      'leave the table as it is in this evolution, or only append columns to it ' +
      'that release 1.0 need not fill: then both work on the table itself',
  });

  it.each([
    ['an overlay', RENAMED, ['rename_column: { table: t, column: b, to: c }'], ':3:5'],
    ['an overlay for a rule', T.replace('a int', 'a int not null'), [], ''],
    ['a table that is rebuilt', T.replace('a int', 'a bigint'), [], ''],
    [
      'a table that is split',
      'create table t (id int primary key, a int); create table u (id int primary key, b int);',
      ['split_table: { table: t, into: { t: {}, u: {} } }'],
      ':3:5',
    ],
  ])('is refused on %s, which the new release reaches by a view', async (_, to, changes, place) => {
    const from = T + SECURED + POLICY;
    expect(await compiled(from, to + SECURED + POLICY, changes)).toMatchObject(passed(place));
  });

  it('is refused on a lookup table, whose values a function reads', async () => {
    const from = `create table t (id serial primary key, a text not null unique);
      create table s (id int primary key, t int references t (id)); create index on s (t);`;
    const change = 'inline_table: { table: t, columns: { a: a }, into: s, reference: t }';
    expect(
      await compiled(from + SECURED, 'create table s (id int primary key, a text);', [change]),
    ).toMatchObject(passed(':3:5'));
  });

  it('is taken where both releases work on the table itself', async () => {
    const from = T + SECURED + POLICY;
    expect(await compiled(from, from)).toMatchObject({ sessionLens: { impossible: null } });
    const wider = T.replace('b int', 'b int, c int') + SECURED + POLICY;
    expect(await compiled(from, wider)).toMatchObject({
      relations: [{ kind: 'native' }],
      // There a view stands for the columns that the shard does not have yet.
      sessionLens: { statements: [], impossible: 'row security of t needs a prepared shard' },
    });
  });

  it.each([
    ['is switched on', T, T + SECURED],
    ['is switched off', T + SECURED, T],
    ['binds the owner too', T + SECURED, `${T}${SECURED}alter table t force row level security;`],
    ['comes with a table', '', T + SECURED],
  ])('is refused where it %s', async (_, from, to) => {
    expect(await compiled(from, to)).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `${WRITTEN_FILE}: release 2.0 changes what the engine cannot carry yet: ` +
        'row security of t',
    });
  });
});

describe('what only the old release has on a table of both', () => {
  it('acts for both until contract, which drops it, and check says so', async () => {
    const bundle = await reader.bundle(T + FUNCTION + TRIGGER + RULE, T + FUNCTION);
    const [relation] = bundle.relations;
    expect(relation?.notes).toEqual([
      'rule ru of release 1.0 acts for both releases until contract, which drops it',
      'trigger tr of release 1.0 acts for both releases until contract, which drops it',
    ]);
    const [fence] = bundle.steps.contract;
    expect(fence?.kind === 'transaction' && fence.statements).toEqual(
      expect.arrayContaining([
        {
          sql: 'drop trigger if exists "tr" on {{floor:t}}',
          lock: { mode: 'ACCESS EXCLUSIVE', relation: 't' },
        },
        {
          sql: 'drop rule if exists "ru" on {{floor:t}}',
          lock: { mode: 'ACCESS EXCLUSIVE', relation: 't' },
        },
      ]),
    );
  });

  it('is refused where it is a policy: it would decide what the new release reaches', async () => {
    expect(await compiled(T + SECURED + POLICY, T + SECURED)).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `${WRITTEN_FILE}: what only release 1.0 has would decide until contract ` +
        'which rows release 2.0 reaches: policy own on t',
    });
  });

  it('is refused on a view', async () => {
    const view = `${FUNCTION}create view v as select 1 as one;`;
    const trigger = TRIGGER.replace('before insert on t', 'instead of insert on v');
    expect(await compiled(view + trigger, view)).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message:
        `${WRITTEN_FILE}: what only release 1.0 has would go on acting ` +
        'for release 2.0: trigger tr on v',
    });
  });

  it('is not taken for that of another table which gets its name', async () => {
    const both = `${T}${T.replace(' t ', ' s ')}${FUNCTION}${TRIGGER}`;
    const swap = ['rename_table: { table: t, to: s }', 'rename_table: { table: s, to: t }'];
    expect(await compiled(both, both, swap)).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringContaining('cannot carry yet: trigger tr on t'),
    });
  });
});
