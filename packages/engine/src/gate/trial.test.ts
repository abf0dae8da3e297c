import { HalflapError } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile } from '../compile/compile.js';
import { readRelease } from '../release/load.js';
import { withDatabase } from '../testing/index.js';
import { openReader, type Reader } from './testing/written.js';
import { type Trial, type TrialOptions, tryEvolution } from './trial.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

async function tried(
  from: string,
  to: string,
  changes: readonly string[] = [],
  more: Partial<TrialOptions> = {},
): Promise<Trial> {
  const pair = await reader.pair(from, to, changes);
  const bundle = await reader.bundle(from, to, changes);
  const input = { app: 'shop', ...pair };
  return tryEvolution({ input, bundle, scratch: { withDatabase }, ...more });
}

describe('tryEvolution', () => {
  it('says that a good evolution holds', async () => {
    const trial = await tried(
      'create table t (id int primary key, name text, seen timestamptz);',
      'create table t (id int primary key, label text);' +
        'create table s (id int primary key, seen timestamptz not null);',
      [
        'rename_column: { table: t, column: name, to: label }',
        'split_table: { table: t, into: { t: {}, s: { when: seen is not null } } }',
      ],
    );
    expect(trial).toMatchObject({ untried: [], quarantined: [] });
  });

  it('says where a session of the new release would not see what its schema says', async () => {
    const from = 'create table t (id int primary key, n int);';
    const to = 'create table t (id int primary key, m int);';
    const changes = ['rename_column: { table: t, column: n, to: m }'];
    const whole = await reader.bundle(from, to, changes);
    const lensOf = (statements: readonly string[]) =>
      tried(from, to, changes, {
        bundle: { ...whole, sessionLens: { statements, impossible: null } },
      });
    await expect(lensOf([])).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringContaining('t is (id integer, n integer), expected (id integer, m'),
    });
    await expect(lensOf(['create view pg_temp.t as select x'])).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringMatching(/the session lens failed: column "x" does not exist/),
    });
  });

  it('says what would go on acting on a table of the new release', async () => {
    const table = 'create table t (id int primary key, n int);';
    const from = `${table} create rule ru as on delete to t do instead nothing;`;
    const whole = await reader.bundle(from, table);
    const contract = whole.steps.contract.map((step) =>
      step.kind === 'transaction'
        ? { ...step, statements: step.statements.filter(({ sql }) => !/^drop rule/.test(sql)) }
        : step,
    );
    const bundle = { ...whole, steps: { ...whole.steps, contract } };
    await expect(tried(from, table, [], { bundle })).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringContaining('after contract the catalogue differs'),
      detail: { evidence: ['rule t.ru is there, release 2.0 has none of that name'] },
    });
  });

  it('takes a computed array whose elements are limited', async () => {
    const trial = await tried(
      'create table t (id int primary key, a text);',
      'create table t (id int primary key, b varchar(9)[]);',
      [
        "convert_column: { table: t, column: a, to: b, up: 'string_to_array(a, '','')', " +
          "down: 'array_to_string(b, '','')' }",
      ],
    );
    expect(trial).toMatchObject({ untried: [], quarantined: [] });
  });

  it('says which of the rows that a release ships do not come', async () => {
    const file = 'schema.sql';
    const from = 'create table t (id int primary key, n int);';
    const schemaSql = `${from} insert into t values (1, 4), (2, 5);`;
    const to = await readRelease({ version: '2.0', file, schemaSql }, { withDatabase });
    const change = 'convert_column: { table: t, column: n, up: n * 2, down: n / 2 }';
    const pair = await reader.pair(from, from, [change]);
    const bundle = compile({ app: 'shop', ...pair, to });
    await expect(tried(from, from, [change], { bundle })).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringMatching(/rows that it ships do not come: t \(id=2\): /),
    });
  });

  it('says that no sample row could be made for a table', async () => {
    const schema = 'create table t (id int primary key check (id * 2 = 7));';
    expect(await tried(schema, schema)).toMatchObject({
      untried: [{ table: 't', columns: [], reason: expect.stringContaining('t_id_check') }],
    });
  });

  it('reports samples that a new rule keeps out', async () => {
    const trial = await tried(
      'create table t (id int primary key, n int);',
      'create table t (id int primary key, n int check (n > 100));',
    );
    expect(trial.quarantined).toMatchObject([{ relation: 't', reasons: ['check t_n_check of t'] }]);
  });

  it('reports samples whose value cannot be carried over', async () => {
    const trial = await tried(
      'create table t (id int primary key, a text);',
      'create table t (id int primary key, a int);',
    );
    const reasons = ['a', '{}'].map((one) => `invalid input syntax for type integer: "${one}"`);
    expect(trial.quarantined).toMatchObject([{ relation: 't', reasons }]);
  });

  it('has samples with keys of their own for tables that become one', async () => {
    const trial = await tried(
      `create table disks (id uuid primary key, size int);
       create table cards (id uuid primary key, speed int);`,
      'create table devices (id uuid primary key, kind text not null, size int, speed int);',
      [
        "unite_tables: { into: devices, from: { disks: { when: kind = 'disk', values: { kind: " +
          `"'disk'" } }, cards: { when: kind = 'card', values: { kind: "'card'" } } } }`,
      ],
    );
    expect(trial).toMatchObject({ untried: [], quarantined: [] });
  });

  it('fails where the SQL of a change cannot be what it says', async () => {
    const found = tried(
      'create table t (id int primary key, a text);',
      'create table t (id int primary key, b int);',
      ['convert_column: { table: t, column: a, to: b, up: no_such_function(a), down: "b::text" }'],
    );
    await expect(found).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringMatching(
        /^shop 1\.0 to 2\.0: prepare failed: .*no_such_function\(text\) does not exist/,
      ),
      hint: expect.stringContaining('evolution.yaml'),
      cause: expect.any(HalflapError),
    });
  });

  it('fails where a type has no cast to the other', async () => {
    const found = tried(
      'create table t (id int primary key, a bool);',
      'create table t (id int primary key, a date);',
    );
    await expect(found).rejects.toMatchObject({
      code: 'CHECK_FAILED',
      message: expect.stringContaining('cannot cast type boolean to date'),
    });
  });

  it('says which catalogue differs when the end is not a fresh install', async () => {
    const [from, to] = [
      'create table t (id int primary key, a int);',
      'create table t (id int primary key, a int, b int);',
    ];
    const pair = await reader.pair(from, to);
    const bundle = await reader.bundle(from, to);
    const wrong = { ...bundle.to, catalog: bundle.from.catalog };
    const found = tryEvolution({
      bundle: { ...bundle, to: wrong },
      input: { app: 'shop', ...pair },
      scratch: { withDatabase },
    });
    await expect(found).rejects.toMatchObject({ code: 'CHECK_FAILED' });
  });

  it('ends when it is told to, and does not call that a failure', async () => {
    const schema = 'create table t (id int primary key, a int);';
    const stop = new AbortController();
    stop.abort();
    const found = tried(schema, schema, [], { signal: stop.signal });
    await expect(found).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
