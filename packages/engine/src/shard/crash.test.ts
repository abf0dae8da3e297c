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
const ROWS = "select n, 'item ' || n, n % 7 from generate_series(1, 3000) n";
const LIMITS = { evidenceWindowMs: 30, busyPatienceMs: 10_000 };

let directory: string;
let template: FreshDatabase;
let bundle: Bundle;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'halflap-crash-'));
  template = await freshDatabase();
  bundle = await installByHand(template.url, { rows: ROWS });
  await writeFile(join(directory, 'bundle.json'), JSON.stringify(bundle));
});

afterAll(async () => {
  await template.drop();
  await rm(directory, { recursive: true });
});

/** Runs a verb in a process of its own, which kills itself at its n-th sign of life of that kind. */
async function doomed(url: string, verb: Verb, doom: { on: 'log' | 'progress'; at: number }) {
  const options = { url, shard: 'eu1', verb, limits: LIMITS, pace: { batchRows: 200 } };
  const child = spawn(
    process.execPath,
    [PROGRAM, join(directory, 'bundle.json'), JSON.stringify({ ...doom, options })],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const [code, signal] = await once(child, 'exit');
  return { code, signal };
}

async function withClone(body: (url: string, session: Session) => Promise<void>): Promise<void> {
  const database = await freshDatabase({ template: template.database });
  const session = await connect(database.url, 'test');
  try {
    await body(database.url, session);
  } finally {
    await session.end();
    await database.drop();
  }
}

const finish = (url: string, verb: Verb) =>
  runVerb({ url, shard: 'eu1', bundle, verb, limits: LIMITS });

describe('a runner killed by SIGKILL', () => {
  it('is continued by the next one, wherever it died in prepare and expand', async () => {
    for (let at = 1; ; at += 1) {
      let isOver = false;
      await withClone(async (url, session) => {
        const prepared = await doomed(url, 'prepare', { on: 'log', at });
        await finish(url, 'prepare');
        const expanded = await doomed(url, 'expand', { on: 'log', at });
        isOver = prepared.signal === null && expanded.signal === null;
        expect(await finish(url, 'expand')).toMatchObject({ phase: 'dual' });
        expect(await divergence(session)).toEqual([]);
        expect(await finish(url, 'verify')).toMatchObject({ phase: 'dual' });
      });
      if (isOver) break;
    }
  });

  it('is continued from its cursor when it died in the middle of a backfill', async () => {
    await withClone(async (url, session) => {
      await finish(url, 'prepare');
      for (const at of [1, 3, 5]) {
        expect(await doomed(url, 'expand', { on: 'progress', at })).toMatchObject({
          signal: 'SIGKILL',
        });
        await session.query("update items set name = name || '!' where id % 100 = 0");
        await session.query(`delete from items where id = ${at * 500}`);
      }
      const [left] = await session.query<{ rows_done: number }>(
        "select rows_done::int from halflap.progress where step = 'expand/fill-items'",
      );
      expect(left?.rows_done).toBeGreaterThanOrEqual(200);
      expect(await finish(url, 'expand')).toMatchObject({ phase: 'dual' });
      expect(await divergence(session)).toEqual([]);
    });
  });

  it('is continued wherever it died in contract', async () => {
    for (let at = 1; ; at += 1) {
      let isOver = false;
      await withClone(async (url, session) => {
        await finish(url, 'prepare');
        await finish(url, 'expand');
        isOver = (await doomed(url, 'contract', { on: 'log', at })).signal === null;
        expect(await finish(url, 'contract')).toMatchObject({ phase: 'settled' });
        const [count] = await session.query('select count(*)::int from shop_2_0.items');
        expect(count).toEqual({ count: 3000 });
      });
      if (isOver) break;
    }
  });

  it('is continued wherever it died in abort, and only by abort', async () => {
    await withClone(async (url, session) => {
      await finish(url, 'prepare');
      await finish(url, 'expand');
      await doomed(url, 'abort', { on: 'log', at: 1 });
      expect(await finish(url, 'abort')).toMatchObject({ phase: 'settled' });
      expect(await session.query("select to_regnamespace('shop_2_0') as left")).toEqual([
        { left: null },
      ]);
      await finish(url, 'prepare');
      expect(await finish(url, 'expand')).toMatchObject({ phase: 'dual' });
      expect(await divergence(session)).toEqual([]);
    });
  });
});
