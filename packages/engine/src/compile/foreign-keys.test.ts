import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openReader, type Reader, statementsOf } from '../gate/testing/written.js';
import type { Bundle } from './bundle.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const SPLIT = ['split_table: { table: t, into: { t: {}, u: { when: b is not null } } }'];
const T = 'create table t (id int primary key, a int, b int);';
const PARTS =
  'create table t (id int primary key, a int);' +
  'create table u (id int primary key references t on delete cascade, b int not null);';

/** In which steps a foreign key is added and dropped, and what it points to then. */
function course(bundle: Bundle, key: string): string[] {
  const steps = Object.entries(bundle.steps).flatMap(([verb, list]) =>
    verb === 'abort' ? [] : list.map((step) => step.id),
  );
  return steps.flatMap((id) =>
    statementsOf(bundle, id).flatMap((text) => {
      if (text.includes('rename constraint') || !text.includes(` "${key}"`)) return [];
      if (text.includes('drop constraint')) return [`${id}: drop`];
      if (text.includes('validate constraint')) return [`${id}: validate`];
      const target = /references (\S+)/.exec(text)?.[1];
      return target === undefined ? [] : [`${id}: ${target}`];
    }),
  );
}

describe('a foreign key of the new release', () => {
  it('among parts of one table is the old row’s until the new tables are filled', async () => {
    const bundle = await reader.bundle(T, PARTS, SPLIT);
    expect(course(bundle, 'u_id_fkey')).toEqual([
      'expand/foreign-keys/t: "halflap_shop_2_0"."t"',
      'expand/validate/t: validate',
    ]);
  });

  it('from a part to a shared table is physical where the old table has it too', async () => {
    const shared = 'create table s (id int primary key);';
    const bundle = await reader.bundle(
      shared + T.replace('a int', 'a int references s'),
      shared + PARTS.replace('a int', 'a int references s'),
      SPLIT,
    );
    expect(course(bundle, 't_a_fkey')).toEqual([
      'expand/foreign-keys/t: {{floor:s}}',
      'expand/validate/t: validate',
    ]);
  });

  it('from a part to a shared table waits for contract where it could stop the old', async () => {
    const shared = 'create table s (id int primary key);';
    const bundle = await reader.bundle(
      shared + T,
      shared + PARTS.replace('a int', 'a int references s'),
      SPLIT,
    );
    expect(course(bundle, 't_a_fkey')).toEqual([
      'contract/foreign-key/t/t_a_fkey: {{floor:s}}',
      'contract/validate/t/t_a_fkey: validate',
    ]);
  });

  it('from a shared table to a rebuilt one moves at contract', async () => {
    const referring = 'create table r (id int primary key, t_id int references t);';
    const bundle = await reader.bundle(T + referring, PARTS + referring, SPLIT);
    // Both at once, so that no row goes unchecked, hence a name for the time being.
    expect(course(bundle, 'halflap_r_t_id_fkey')).toEqual([
      'contract/foreign-key/r/r_t_id_fkey: "shop_2_0"."t"',
      'contract/validate/r/r_t_id_fkey: validate',
    ]);
    expect(course(bundle, 'r_t_id_fkey')).toEqual(['contract/unlink/r/r_t_id_fkey: drop']);
    expect(statementsOf(bundle, 'contract/unlink/r/r_t_id_fkey')).toContain(
      'alter table {{floor:r}} rename constraint "halflap_r_t_id_fkey" to "r_t_id_fkey"',
    );
  });

  it('from an added to a rebuilt table begins on the old one, if it cannot refuse', async () => {
    const added = 'create table n (t_id int references t on delete cascade on update cascade);';
    const bundle = await reader.bundle(T, PARTS + added, SPLIT);
    expect(course(bundle, 'n_t_id_fkey')).toEqual([
      'prepare/lens: {{floor:t}}',
      'expand/switch: drop',
      'expand/switch: "shop_2_0"."t"',
      'expand/validate/n/n_t_id_fkey: validate',
    ]);
  });

  it('from an added table to a rebuilt one that could refuse begins at the switch', async () => {
    const added = 'create table n (t_id int references t);';
    const bundle = await reader.bundle(T, PARTS + added, SPLIT);
    expect(course(bundle, 'n_t_id_fkey')).toEqual([
      'expand/switch: "shop_2_0"."t"',
      'expand/validate/n/n_t_id_fkey: validate',
    ]);
  });

  it('among added tables is there from the start', async () => {
    const added = 'create table m (id int primary key); create table n (m int references m);';
    const bundle = await reader.bundle(T, T + added);
    expect(course(bundle, 'n_m_fkey')).toEqual(['prepare/lens: "shop_2_0"."m"']);
  });

  it('that could stop the old release on a shared table waits for contract', async () => {
    const other = 'create table s (id int primary key);';
    const bundle = await reader.bundle(other + T, other + T.replace('a int', 'a int references s'));
    expect(course(bundle, 't_a_fkey')).toEqual([
      'contract/foreign-key/t/t_a_fkey: {{floor:s}}',
      'contract/validate/t/t_a_fkey: validate',
    ]);
  });
});

describe('a foreign key of the old release', () => {
  it('goes at contract where the new one does not have it', async () => {
    const other = 'create table s (id int primary key);';
    const bundle = await reader.bundle(other + T.replace('a int', 'a int references s'), other + T);
    expect(course(bundle, 't_a_fkey')).toEqual(['contract/unlink/t/t_a_fkey: drop']);
  });
});
