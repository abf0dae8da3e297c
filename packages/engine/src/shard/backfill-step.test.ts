// Backfill over keys of every kind, beside writers, paused and resumed.

import { beforeEach, describe, expect, it } from 'vitest';
import type { Bundle, KeyColumn } from '../compile/bundle.js';
import { connect, type Session, withSession } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { runVerb, type VerbOptions } from './advance.js';
import { setPace } from './pace.js';
import type { Progress } from './run.js';
import { divergence, installByHand } from './testing/hand-bundle.js';

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

const run = (bundle: Bundle, verb: VerbOptions['verb'], more: Partial<VerbOptions> = {}) =>
  runVerb({ url: database.url, shard: 'eu1', bundle, verb, ...more });

const KEYS: readonly (readonly [string, readonly KeyColumn[], string])[] = [
  ['a bigint key', [{ name: 'id', type: 'bigint' }], 'n * 3 - 1000'],
  ['a text key', [{ name: 'Code "x"', type: 'text' }], "md5(n::text) || E'''\\\\é'"],
  ['a uuid key', [{ name: 'id', type: 'uuid' }], 'md5(n::text)::uuid'],
  [
    'a timestamp key',
    [{ name: 'at', type: 'timestamp with time zone' }],
    "timestamptz '2024-01-01 00:00:00.000001+00' + n * interval '37 minutes'",
  ],
  ['a numeric key', [{ name: 'id', type: 'numeric(12,3)' }], 'n * 1.125'],
  [
    'a composite key',
    [
      { name: 'shelf', type: 'integer' },
      { name: 'slot', type: 'character varying(20)' },
    ],
    "n % 5, 'slot ' || n",
  ],
];

describe('backfill', () => {
  for (const [kind, key, values] of KEYS) {
    it(`carries every row of a table with ${kind}, never analysed`, async () => {
      const rows = `select ${values}, 'item ' || n, n % 7 from generate_series(1, 2500) n`;
      const bundle = await installByHand(database.url, { key, rows });
      await run(bundle, 'prepare');
      const seen: Progress[] = [];
      await run(bundle, 'expand', {
        pace: { batchRows: 117 },
        onProgress: (progress) => progress.step === 'expand/fill-items' && seen.push(progress),
      });
      const names = key.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ');
      expect(await divergence(session, names)).toEqual([]);
      expect(await session.query('select count(*)::int from shop_2_0.items')).toEqual([
        { count: 2500 },
      ]);
      expect(seen.length).toBeGreaterThan(2500 / 117);
      expect(seen.at(-1)).toMatchObject({ rowsDone: 2500, rowsEstimated: 2500, relation: 'items' });
    });
  }

  it('passes an empty table', async () => {
    const bundle = await installByHand(database.url);
    await run(bundle, 'prepare');
    expect(await run(bundle, 'expand')).toMatchObject({ phase: 'dual' });
  });

  it('stops at a pause after its batch, and goes on from the cursor', async () => {
    const rows = "select n, 'item ' || n, n % 7 from generate_series(1, 2000) n";
    const bundle = await installByHand(database.url, { rows });
    await run(bundle, 'prepare');
    let paused: Promise<unknown> | undefined;
    const failure = run(bundle, 'expand', {
      pace: { batchRows: 100, paceMs: 20 },
      onProgress: () => {
        paused ??= setPace({ url: database.url, shard: 'eu1', app: bundle.app }, { paused: true });
      },
    });
    await expect(failure).rejects.toMatchObject({ code: 'PAUSED' });
    await paused;
    const [left] = await session.query<{ rows_done: number; cursor: string[] }>(
      'select rows_done::int, cursor from halflap.progress',
    );
    expect(left?.rows_done).toBeGreaterThan(0);
    expect(left?.rows_done).toBeLessThan(2000);
    expect(left?.cursor).toEqual([String(left?.rows_done)]);
    await expect(run(bundle, 'expand')).rejects.toMatchObject({
      code: 'PAUSED',
      hint: 'halflap resume --shard eu1; then halflap expand --shard eu1',
    });

    await setPace(
      { url: database.url, shard: 'eu1', app: bundle.app },
      { paused: false, batchRows: 250 },
    );
    const done: number[] = [];
    await run(bundle, 'expand', {
      onProgress: ({ step, rowsDone }) => step.includes('fill') && done.push(rowsDone),
    });
    expect(done[0]).toBeGreaterThan(left?.rows_done ?? 0);
    expect(done.at(-1)).toBe(2000);
    expect(await divergence(session)).toEqual([]);
  });

  it('counts the rest between batches as a part of what each takes', async () => {
    const rows = "select n, 'item ' || n, n % 7 from generate_series(1, 2000) n";
    const bundle = await installByHand(database.url, { rows });
    await run(bundle, 'prepare');
    const stop = new AbortController();
    const seen: Progress[] = [];
    const hour = 3_600_000;
    const stopped = run(bundle, 'expand', {
      pace: { batchRows: 100, paceMs: hour },
      signal: stop.signal,
      onProgress: (progress) => {
        if (!progress.step.includes('fill')) return;
        seen.push(progress);
        stop.abort();
      },
    });
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
    const [{ rowsDone, rowsEstimated, secondsLeft }] = seen as [Progress];
    const batches = (rowsEstimated - rowsDone) / rowsDone;
    expect(secondsLeft).toBeGreaterThanOrEqual((batches * hour) / 1000);
  });

  it('keeps both layouts equal beside inserts, updates, deletes and key changes', async () => {
    const rows = "select n, 'item ' || n, n % 7 from generate_series(1, 4000) n";
    const bundle = await installByHand(database.url, { rows });
    await run(bundle, 'prepare');
    const stop = new AbortController();
    const writers = Promise.all([1, 2].map((seed) => write(database.url, seed, stop.signal)));
    writers.catch(() => stop.abort());
    await run(bundle, 'expand', { pace: { batchRows: 60 } });
    stop.abort();
    const counts = await writers;
    expect(Math.min(...counts)).toBeGreaterThan(50);
    expect(await divergence(session)).toEqual([]);
    expect(await run(bundle, 'verify')).toMatchObject({ phase: 'dual' });
  });

  it('waits in short turns for a row that a client holds', async () => {
    const rows = "select n, 'item ' || n, n % 7 from generate_series(1, 300) n";
    const bundle = await installByHand(database.url, { rows });
    await run(bundle, 'prepare');
    // Takes a row after the barrier has passed: when the backfill's first batch is done.
    let held = false;
    await run(bundle, 'expand', {
      pace: { batchRows: 50 },
      onProgress: ({ rowsDone, step }) => {
        if (held || !step.includes('fill') || rowsDone > 100) return;
        held = true;
        void session.query("begin; update items set name = 'held' where id = 299");
        void releaseWhenBlocked();
      },
      limits: { lockPauseMs: 5, lockAttempts: 1000 },
    });
    expect(await divergence(session)).toEqual([]);
    expect(await session.query("select from shop_2_0.items where label = 'held'")).toHaveLength(1);
  });

  it('gives up with the sessions that hold the rows', async () => {
    const bundle = await installByHand(database.url, { rows: "values (1, 'a', 1), (2, 'b', 2)" });
    await run(bundle, 'prepare');
    const blocked = run(bundle, 'expand', {
      limits: { lockPauseMs: 1, lockAttempts: 3 },
      log: (line) => {
        if (line.startsWith('expand/barrier: done')) holding = hold();
      },
    });
    let holding: Promise<unknown> | undefined;
    const hold = () => session.query('begin; update items set qty = 0 where id = 2');
    const failure = await blocked.catch((error: unknown) => error);
    await holding;
    await session.query('rollback');
    expect(failure).toMatchObject({ code: 'LOCK_TIMEOUT', retryable: true });
    expect(JSON.stringify(failure)).toContain('halflap/test');
    await run(bundle, 'expand');
    expect(await divergence(session)).toEqual([]);
  });
});

/** Frees the row that the test holds as soon as the server shows that somebody waits for it. */
async function releaseWhenBlocked(): Promise<void> {
  await withSession(database.url, 'watcher', async (watcher) => {
    // Other databases of the server have waits of their own.
    const waiting = () =>
      watcher.query(`select from pg_locks as l join pg_stat_activity as a on a.pid = l.pid
        where not l.granted and a.datname = current_database()`);
    while ((await waiting()).length === 0);
  });
  await session.query('commit');
}

async function write(url: string, seed: number, signal: AbortSignal): Promise<number> {
  const own = await connect(url, `writer-${seed}`);
  let statements = 0;
  try {
    for (; !signal.aborted; statements += 1) {
      const id = ((statements * 7919 + seed * 104729) % 4000) + 1;
      await own.query(STATEMENTS[statements % STATEMENTS.length] ?? '', [id, seed]);
    }
    return statements;
  } finally {
    await own.end();
  }
}

const STATEMENTS = [
  "update items set name = 'by ' || $2::int, qty = qty + 1 where id = $1::bigint",
  'delete from items where id = $1::bigint + $2::int * 0',
  `insert into items values ($1::bigint, 'again ' || $2::int, 0)
   on conflict (id) do update set qty = items.qty + 1`,
  `insert into items select max(id) + 1 + $2::int * 0, 'new', $1::bigint % 5 from items
   on conflict do nothing`,
  `update items set id = id + 100000 * $2::int where id = $1::bigint
   and not exists (select from items i where i.id = $1::bigint + 100000 * $2::int)`,
];
