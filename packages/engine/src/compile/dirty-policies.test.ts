import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkExpressions } from '../gate/expression-types.js';
import { openReader, type Reader, WRITTEN_FILE } from '../gate/testing/written.js';
import { checkNames } from '../release/evolution-names.js';
import { parseEvolution } from '../release/evolution-parser.js';
import { withDatabase } from '../testing/index.js';
import type { Bundle } from './bundle.js';
import { compile } from './compile.js';

let reader: Reader;
beforeAll(async () => {
  reader = await openReader();
});
afterAll(() => reader.close());

const OLD = `create table sites (id int primary key);
create table t (id int primary key, a text, n int, m int not null, site int, tags text[]);`;
const UNIQUE = 'constraint one unique (n),';
const NEW = `create table sites (id int primary key);
create table t (id int primary key, a int, n int not null, m int not null, site int, tags text[],
  constraint small check (n < 9), ${UNIQUE}
  constraint at_site foreign key (site) references sites (id));
create unique index early on t (m) where m < 5;
create table u (id int primary key, constraint odd check (id > 0));`;

/** The mark shows where the finding must stand. */
async function bundle(marked: string, to = NEW, change?: string): Promise<Bundle> {
  const changes = change === undefined ? 'changes: []' : `changes:\n  - ${change}`;
  const text = `from: "1.0"\n${changes}\ndirty:\n  - ${marked.replace('‸', '')}\n`;
  const pair = await reader.pair(OLD, to);
  const evolution = parseEvolution(text, { file: WRITTEN_FILE, to: '2.0' });
  checkNames(evolution, pair.from.catalog, pair.to.catalog);
  await checkExpressions({ app: 'shop', ...pair, evolution }, { withDatabase });
  return compile({ app: 'shop', ...pair, evolution });
}

const refusal = (...written: Parameters<typeof bundle>) =>
  bundle(...written).catch((error: unknown) => error);

describe('policies of dirty', () => {
  it.each([
    ['default: { table: t, column: a, value: 0 }', 'column a is computed'],
    ['default: { table: t, column: n, value: m }', 'column n is computed'],
    ['default: { table: t, constraint: small, values: { n: m } }', 'column n is computed'],
  ])('are a part of how the column follows: %s', async (dirty, note) => {
    const isOfA = note.includes(' a ');
    const to = NEW.replace(UNIQUE, '').replace('a int', isOfA ? 'a int' : 'a text');
    const one = await bundle(dirty, to);
    expect(one.relations.find((plan) => plan.new === 't')).toMatchObject({
      kind: 'rebuilt',
      label: 'lossy',
      notes: expect.arrayContaining([note]),
    });
    expect(one.sessionLens.impossible).toBe(null);
  });

  it.each([
    [
      '‸default: { table: t, constraint: one, values: { n: 0 } }',
      'EVOLUTION_INCOMPLETE',
      'no index of t begins with n, by which duplicates are found',
    ],
    [
      '‸default: { table: t, constraint: at_site, values: { site: "null" } }',
      'EVOLUTION_UNSUPPORTED',
      'constraint at_site of t takes no default: the value of a row that refers to nothing would ' +
        'hang on rows that others write at the same time',
    ],
    [
      '‸default: { table: t, column: id, value: 0 }',
      'EVOLUTION_INVALID',
      'default says nothing here: no row of the old release breaks column t.id',
    ],
    [
      '‸refuse: { table: t, constraint: early }',
      'EVOLUTION_UNSUPPORTED',
      'refuse cannot be stated for a unique index over an expression, or over some rows: ' +
        'constraint early of t',
    ],
    [
      '‸refuse: { table: t, column: m }',
      'EVOLUTION_INVALID',
      'refuse says nothing here: no row of the old release breaks column t.m',
    ],
    [
      '‸refuse: { table: u, constraint: odd }',
      'EVOLUTION_INVALID',
      'refuse says nothing here: no rows of the old release come into u',
    ],
    [
      'default: { table: t, constraint: small, values: { m: ‸0 } }',
      'EVOLUTION_INVALID',
      'default of constraint small of t gives m a value to no purpose: ' +
        'the rule does not look at m',
    ],
    [
      'default: { table: t, column: n, value: ‸nothing }',
      'EVOLUTION_UNKNOWN_NAME',
      'column "nothing" is not in table t of release 1.0',
    ],
    [
      'default: { table: t, column: n, value: ‸a }',
      'EVOLUTION_INVALID',
      '"value" of t.n: column "n" is of type integer but expression is of type text, in "a"',
    ],
    [
      'refuse: { table: t, constraint: ‸smal }',
      'EVOLUTION_UNKNOWN_NAME',
      'table t of release 2.0 has no check, key or unique index "smal"; did you mean "small"?',
    ],
  ])('are refused at their place: %s', async (dirty, code, message) => {
    const at = `${WRITTEN_FILE}:4:${dirty.indexOf('‸') + 5}`;
    const error = await refusal(dirty);
    expect(error).toMatchObject({ code });
    expect(String(error)).toContain(`${at}: ${message}`);
  });

  it('are refused where rows are made of several', async () => {
    const to = `create table sites (id int primary key);
create table t (id int primary key, a int, n int not null, m int not null, site int);
create table tags (t_id int references t (id) on delete cascade, tag text,
  primary key (t_id, tag));`;
    const change = 'unnest_column: { table: t, column: tags, into: tags, value: tag }';
    expect(await refusal('refuse: { table: t, column: a }', to, change)).toMatchObject({
      code: 'EVOLUTION_UNSUPPORTED',
      message: expect.stringContaining('t, whose rows are made of several'),
    });
  });

  it('are looked at before a shard is prepared, and before it is expanded', async () => {
    const { steps } = await bundle('refuse: { table: t, column: a }');
    expect(steps.prepare[0]).toMatchObject({ id: 'prepare/dirty', isLook: true });
    expect(steps.expand[0]).toMatchObject({ id: 'expand/dirty', isLook: true });
  });
});
