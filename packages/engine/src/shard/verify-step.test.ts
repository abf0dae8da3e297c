// Verify finds every difference, wherever it is, and nothing where there is none.

import { beforeEach, describe, expect, it } from 'vitest';
import type { Bundle } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { runVerb, type VerbOptions } from './advance.js';
import { type HandOptions, installByHand, transaction } from './testing/hand-bundle.js';

let database: FreshDatabase;
let session: Session;

beforeEach(async () => {
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  return async () => {
    await session.end();
    await database.drop();
  };
});

async function dual(rows: string, options: HandOptions = {}): Promise<Bundle> {
  const bundle = await installByHand(database.url, { ...options, rows });
  await run(bundle, 'prepare');
  await run(bundle, 'expand');
  return bundle;
}

/** Small ranges, so that a few thousand rows are many of them. */
const run = (bundle: Bundle, verb: VerbOptions['verb'], log: (line: string) => void = () => {}) =>
  runVerb({ url: database.url, shard: 'eu1', bundle, verb, log, limits: { verifyRows: 200 } });

const ROWS = "select n * 2, 'item ' || n, n % 7 from generate_series(1, 2000) n";

describe('verify', () => {
  it('passes equal layouts as often as it is asked', async () => {
    const bundle = await dual(ROWS);
    for (const _ of [1, 2]) expect(await run(bundle, 'verify')).toMatchObject({ changed: false });
    expect(
      await session.query(
        `select relation, rows_done::int, differences::int, is_done
         from halflap.progress where step = 'verify/items'`,
      ),
    ).toEqual([{ relation: 'items', rows_done: 2000, differences: 0, is_done: true }]);
  });

  it('names rows that differ, lack or are too many, by key, without values', async () => {
    const bundle = await dual(ROWS);
    await session.query("update shop_2_0.items set label = 'secret', qty = null where id = 800");
    await session.query('delete from shop_2_0.items where id in (2, 4000)');
    await session.query(
      "insert into shop_2_0.items values (-5, 'x', 1), (801, 'y', 1), (9999, 'z', 1)",
    );
    const failure = await run(bundle, 'verify').catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'VERIFY_FAILED',
      message: 'items on shard eu1: 6 keys differ between the two layouts',
      detail: {
        evidence: [
          'items (id=-5): only in the new layout',
          'items (id=2): not in the new layout',
          'items (id=800): differs in label, qty',
          'items (id=801): only in the new layout',
          'items (id=4000): not in the new layout',
          'items (id=9999): only in the new layout',
        ],
      },
    });
    expect(JSON.stringify(failure)).not.toContain('secret');
    const [kept] = await session.query(
      "select differences::int from halflap.progress where step = 'verify/items'",
    );
    expect(kept).toEqual({ differences: 6 });
  });

  it('finds an empty new layout, and an empty old one', async () => {
    const bundle = await dual(ROWS);
    await session.query('truncate shop_2_0.items');
    await expect(run(bundle, 'verify')).rejects.toMatchObject({
      message: expect.stringContaining('2000 keys differ'),
    });
    await session.query(
      "insert into shop_2_0.items select n, 'x', 1 from generate_series(1, 1500) n",
    );
    await session.query('alter table items disable trigger all; truncate items');
    const failure = await run(bundle, 'verify').catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: expect.stringContaining('1500 keys differ') });
    expect(failure).toMatchObject({ detail: { evidence: { length: 20 } } });
  });

  it('compares composite and text keys in the order of their collation', async () => {
    const key = [
      { name: 'shelf', type: 'text' },
      { name: 'Slot', type: 'integer' },
    ];
    const bundle = await dual(
      "select chr(65 + n % 60) || '-é', n, 'i', 1 from generate_series(1, 1000) n",
      {
        key,
      },
    );
    expect(await run(bundle, 'verify')).toMatchObject({ phase: 'dual' });
    await session.query(`delete from shop_2_0.items where "Slot" = 77`);
    await expect(run(bundle, 'verify')).rejects.toMatchObject({
      detail: { evidence: ['items (shelf=R-é, Slot=77): not in the new layout'] },
    });
  });

  it('quarantines rows that break a rule to come, and releases them when they do not', async () => {
    const offenders = [
      { rule: 'items_qty_check', sql: 'select id from {{floor:items}} where qty < 0' },
    ];
    const rows = "values (1, 'a', 1), (2, 'b', -1), (3, 'c', -2)";
    const bundle = await installByHand(database.url, { offenders, rows });
    await run(bundle, 'prepare');
    const lines: string[] = [];
    const expanded = await run(bundle, 'expand', (line) => lines.push(line));
    expect(expanded).toMatchObject({ phase: 'dual' });
    expect(lines).toContain(
      'expand/verify-items: quarantined: items (id=2): breaks items_qty_check',
    );
    const quarantine = () =>
      session.query(
        'select evolution, relation, key, sqlstate, reason from halflap.quarantine order by id',
      );
    expect(await quarantine()).toMatchObject([
      { evolution: '1.0..2.0', relation: 'items', key: { id: 2 }, reason: 'items_qty_check' },
      { key: { id: 3 }, sqlstate: '23514' },
    ]);
    await session.query('update items set qty = 0 where qty < 0');
    expect(await run(bundle, 'verify')).toMatchObject({ phase: 'dual' });
    expect(await quarantine()).toEqual([]);
  });

  it('keeps a shard expanding until it passes, and can be tried again', async () => {
    const bundle = await installByHand(database.url, { rows: ROWS });
    await run(bundle, 'prepare');
    const spoil = transaction('expand/nothing', [
      'delete from halflap_shop_2_0.items where id = 40',
    ]);
    const steps = bundle.steps.expand.map((step) => (step.id === spoil.id ? spoil : step));
    const spoiled = { ...bundle, steps: { ...bundle.steps, expand: steps } };
    await expect(run(spoiled, 'expand')).rejects.toMatchObject({ code: 'VERIFY_FAILED' });
    expect(await session.query('select phase from halflap.shard')).toEqual([
      { phase: 'expanding' },
    ]);
    await session.query('update items set qty = qty where id = 40');
    expect(await run(spoiled, 'expand')).toMatchObject({ phase: 'dual' });
  });
});
