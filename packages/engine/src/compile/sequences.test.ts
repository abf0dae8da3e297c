import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader, statementsOf } from '../gate/testing/written.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const SPLIT = ['split_table: { table: t, into: { t: {}, u: { when: b is not null } } }'];
const parts = (id: string) =>
  `create table t (id ${id} primary key, a int);` +
  'create table u (id int primary key references t, b int not null);';
const old = (id: string) => `create table t (id ${id} primary key, a int, b int);`;
const IDENTITY = 'int generated always as identity';

const about = (list: readonly string[], what: RegExp) =>
  list.filter((one) => what.test(one)).map((one) => one.replace(/\s+/g, ' '));

describe('a key that both releases draw', () => {
  it.each([
    ['serial', 'serial'],
    ['identity', IDENTITY],
  ])('comes from the old sequence for the lens and the new table: %s', async (_, type) => {
    const bundle = await reader.bundle(old(type), parts(type), SPLIT);
    const prepared = statementsOf(bundle, 'prepare/lens');
    const draw = '"halflap_shop_2_0"."draw_t_id"()';
    expect(about(prepared, /set default/)).toEqual([
      `alter table "halflap_shop_2_0"."t" alter column "id" set default ${draw}`,
      `alter view "shop_2_0"."t" alter column "id" set default ${draw}`,
      `alter view "halflap_shop_2_0"."upsert_t" alter column "id" set default ${draw}`,
    ]);
    expect(about(prepared, /security definer.*nextval/s)[0]).toContain("{{floor:t}}$r$, 'id')");
    expect(about(prepared, /^create sequence "shop_2_0"/)).toEqual([]);
  });

  it('is handed over with its sequence at contract', async () => {
    const bundle = await reader.bundle(old('serial'), parts('serial'), SPLIT);
    expect(about(statementsOf(bundle, 'contract/fence'), /^alter sequence/)).toEqual([
      'alter sequence "halflap_shop_2_0"."t_id_seq" rename to "halflap_sequence_0"',
      'alter sequence "halflap_shop_2_0"."halflap_sequence_0" owned by none',
      'alter sequence "halflap_shop_2_0"."halflap_sequence_0" set schema "shop_2_0"',
      'alter sequence "shop_2_0"."halflap_sequence_0" rename to "t_id_seq"',
      'alter sequence "shop_2_0"."t_id_seq" owned by "shop_2_0"."t"."id"',
    ]);
    expect(about(statementsOf(bundle, 'contract/alone/t'), /set default/)).toEqual([
      'alter table "shop_2_0"."t" alter column "id" ' +
        'set default nextval($r$"shop_2_0"."t_id_seq"$r$::regclass)',
    ]);
  });

  it('goes on where the old identity is, at contract', async () => {
    const bundle = await reader.bundle(old(IDENTITY), parts(IDENTITY), SPLIT);
    const [handed] = about(statementsOf(bundle, 'contract/alone/t'), /as identity/);
    expect(handed).toContain('alter column "id" add generated always as identity; perform setval(');
    expect(handed).toContain('position.last_value, position.is_called');
  });

  it('keeps the table’s own default through an overlay; its sequence is renamed', async () => {
    const bundle = await reader.bundle(
      'create table t (id serial primary key, a int);',
      'create table v (id serial primary key, a int);',
      ['rename_table: { table: t, to: v }'],
    );
    const prepared = statementsOf(bundle, 'prepare/lens');
    expect(about(prepared, /set default/)).toEqual([]);
    expect(about(prepared, /create sequence "shop_2_0"/)).toEqual([]);
    expect(about(statementsOf(bundle, 'contract/fence'), /alter sequence/)).toEqual([
      'alter sequence {{schema:t}}."t_id_seq" rename to "halflap_sequence_0"',
      'alter sequence "shop_2_0"."halflap_sequence_0" rename to "v_id_seq"',
    ]);
  });

  it('is left alone where no column owns its sequence', async () => {
    const free = `create sequence s;`;
    const key = `int default nextval('s')`;
    const bundle = await reader.bundle(free + old(key), free + parts(key), SPLIT);
    const all = bundle.steps.contract.flatMap((step) => statementsOf(bundle, step.id));
    expect(about(all, /alter sequence|create sequence|drop sequence/)).toEqual([]);
    expect(about(all, /set default/)).toEqual([
      'alter table "shop_2_0"."t" alter column "id" ' +
        'set default nextval($r$"public"."s"$r$::regclass)',
    ]);
  });
});

describe('keys of several tables whose rows hang together', () => {
  it('are drawn from the sequence of the table that each comes from', async () => {
    const parent =
      'create table centers (id serial primary key, pool text not null default $$a$$);';
    const child = (rest: string) =>
      `create table clusters (id serial primary key,
        center_id int not null references centers (id)${rest});
      create index on clusters (center_id);`;
    const bundle = await reader.bundle(
      parent + child(''),
      `create table centers (id serial primary key);${child(', pool text not null')}`,
      ['move_column: { table: centers, column: pool, to: clusters }'],
    );
    const all = bundle.steps.prepare.flatMap((step) => statementsOf(bundle, step.id));
    const draws = about(all, /^alter table [^;]+set default/).map(
      (one) => one.split('set default ')[1],
    );
    expect(draws).toEqual([
      '"halflap_shop_2_0"."draw_centers_id"()',
      '"halflap_shop_2_0"."draw_clusters_id"()',
    ]);
  });
});

describe('a key that only the new release draws', () => {
  const TO =
    'create table t (id int primary key, a int);' +
    'create table u (id serial primary key, t_id int not null unique references t, b int);';

  it('has a sequence of its own in the release schema, past what the lens has shown', async () => {
    const bundle = await reader.bundle(old('int'), TO, [
      'split_table: { table: t, into: { t: {}, u: { key: { t_id: id }, generate: [id] } } }',
    ]);
    expect(about(statementsOf(bundle, 'prepare/lens'), /create sequence "shop_2_0"/)).toEqual([
      'create sequence "shop_2_0"."u_id_seq" as integer start 1 increment 1',
    ]);
    expect(about(statementsOf(bundle, 'expand/switch'), /owned by|setval/)).toEqual([
      'alter sequence "shop_2_0"."u_id_seq" owned by "shop_2_0"."u"."id"',
      'select setval(pg_get_serial_sequence($r$"shop_2_0"."u"$r$, \'id\'), ' +
        'greatest((select max("t"."id") from "shop_2_0"."u" as t), 1))',
    ]);
  });
});
