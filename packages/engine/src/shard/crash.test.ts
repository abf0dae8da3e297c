// kill -9 of a runner, between any two steps and within them; the next runner continues.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Verb } from '@halflap/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Bundle } from '../compile/bundle.js';
import { connect, type Session } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { runVerb } from './advance.js';
import { divergence, installByHand } from './testing/hand-bundle.js';

const PROGRAM = fileURLToPath(new URL('./testing/doomed-runner.mjs', import.meta.url));
const ROWS = "select n, 'item ' || n, n % 7 from generate_series(1, 1000) n";
const LIMITS = { evidenceWindowMs: 30, busyPatienceMs: 10_000 };

let directory: string;
/** Databases to clone, one per phase. */
let settled: FreshDatabase;
let prepared: FreshDatabase;
let dual: FreshDatabase;
let bundle: Bundle;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halflap-crash-'));
  settled = await freshDatabase();
  bundle = await installByHand(settled.url, { rows: ROWS });
  await writeFile(join(directory, 'bundle.json'), JSON.stringify(bundle));
  prepared = await freshDatabase({ template: settled.database });
  await finish(prepared.url, 'prepare');
  dual = await freshDatabase({ template: prepared.database });
  await finish(dual.url, 'expand');
});

afterAll(async () => {
  for (const database of [settled, prepared, dual]) await database.drop();
  await rm(directory, { recursive: true });
});

/**
 * Runs a verb in a process of its own, which kills itself at its n-th sign of life of that kind.
 */
async function doomed(url: string, verb: Verb, doom: { on: 'log' | 'progress'; at: number }) {
  const options = { url, shard: 'eu1', verb, limits: LIMITS, pace: { batchRows: 100 } };
  const child = spawn(
    process.execPath,
    [PROGRAM, join(directory, 'bundle.json'), JSON.stringify({ ...doom, options })],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const [code, signal] = await once(child, 'exit');
  return { code, signal };
}

async function withClone<Result>(
  start: FreshDatabase,
  body: (url: string, session: Session) => Promise<Result>,
): Promise<Result> {
  const database = await freshDatabase({ template: start.database });
  const session = await connect(database.url, 'test');
  try {
    return await body(database.url, session);
  } finally {
    await session.end();
    await database.drop();
  }
}

const finish = (url: string, verb: Verb) =>
  runVerb({ url, shard: 'eu1', bundle, verb, limits: LIMITS });

/**
 * Kills the verb in each of its steps in turn, when the journal has the step and nothing else is
 * done, and lets another runner finish it. Every other sign of life is the end of a step.
 */
async function killEverywhere(
  start: FreshDatabase,
  verb: Verb,
  check: (url: string, session: Session) => Promise<void>,
): Promise<number> {
  for (let at = 1; ; at += 2) {
    const hasSurvived = await withClone(start, async (url, session) => {
      const { signal } = await doomed(url, verb, { on: 'log', at });
      await finish(url, verb);
      await check(url, session);
      return signal === null;
    });
    if (hasSurvived) return (at - 1) / 2;
  }
}

const count = (session: Session) => session.query('select count(*)::int from shop_2_0.items');

describe('a runner killed by SIGKILL', () => {
  it('is continued wherever it died in prepare', async () => {
    const kills = await killEverywhere(settled, 'prepare', async (_, session) => {
      expect(await count(session)).toEqual([{ count: 1000 }]);
    });
    expect(kills).toBe(bundle.steps.prepare.length);
  });

  it('is continued wherever it died in expand', async () => {
    const kills = await killEverywhere(prepared, 'expand', async (_, session) => {
      expect(await divergence(session)).toEqual([]);
      expect(await count(session)).toEqual([{ count: 1000 }]);
    });
    expect(kills).toBe(bundle.steps.expand.length);
  });

  it('is continued wherever it died in contract', async () => {
    const kills = await killEverywhere(dual, 'contract', async (_, session) => {
      expect(await count(session)).toEqual([{ count: 1000 }]);
    });
    expect(kills).toBe(1 + bundle.steps.contract.length);
  });

  it('is continued wherever it died in abort, and the way forward is open again', async () => {
    const kills = await killEverywhere(dual, 'abort', async (url, session) => {
      const left = "select to_regnamespace('shop_2_0') as left";
      expect(await session.query(left)).toEqual([{ left: null }]);
      await finish(url, 'prepare');
      expect(await finish(url, 'expand')).toMatchObject({ phase: 'dual' });
      expect(await divergence(session)).toEqual([]);
    });
    expect(kills).toBe(bundle.steps.abort.length);
  });

  it('is continued from its cursor when it died in the middle of a backfill', async () => {
    await withClone(prepared, async (url, session) => {
      for (const at of [1, 3, 5]) {
        expect(await doomed(url, 'expand', { on: 'progress', at })).toMatchObject({
          signal: 'SIGKILL',
        });
        await session.query("update items set name = name || '!' where id % 100 = 0");
        await session.query(`delete from items where id = ${at * 100 + 7}`);
      }
      const [left] = await session.query<{ rows_done: number }>(
        "select rows_done::int from halflap.progress where step = 'expand/fill-items'",
      );
      expect(left?.rows_done).toBeGreaterThanOrEqual(100);
      expect(await finish(url, 'expand')).toMatchObject({ phase: 'dual' });
      expect(await divergence(session)).toEqual([]);
    });
  });
});
