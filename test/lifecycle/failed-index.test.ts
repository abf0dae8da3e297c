// An index whose build really failed: a transaction of the old release holds it up, as it holds up
// any concurrent build, and the backend is cancelled, or ended, while it waits. What is left is
// found, dropped and built again.

import { runVerb } from '@halflap/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { unlikeFresh } from '../evolving/catalogue.js';
import { type Client, openClient } from '../evolving/databases.js';
import { compilePair } from '../evolving/releases.js';
import { installShard, LIMITS, type Shard } from '../evolving/shard.js';
import {
  WAREHOUSE_CHANGES,
  WAREHOUSE_NEW,
  WAREHOUSE_OLD,
  warehouseRows,
} from '../evolving/warehouse.js';

const STEP = 'expand/index/items_title';

let shard: Shard;
let writer: Client;
let watcher: Client;

beforeAll(async () => {
  shard = await installShard(await compilePair(WAREHOUSE_OLD, WAREHOUSE_NEW, WAREHOUSE_CHANGES));
  writer = await openClient(shard.url);
  watcher = await openClient(shard.url);
  await writer.query(warehouseRows(200));
  await shard.run('prepare');
  for (const { id } of shard.bundle.steps.expand) {
    if (id === STEP) break;
    await shard.step('expand');
  }
});

afterAll(async () => {
  await Promise.all([writer, watcher].map((client) => client.end()));
  await shard.drop();
});

/** `valid`, `invalid`, or null where there is none. */
async function indexState(): Promise<string | null> {
  const { rows } = await watcher.query<{ state: string }>(
    `select case when i.indisvalid and i.indisready and i.indislive then 'valid' else 'invalid' end
       as state
     from pg_index i join pg_class c on c.oid = i.indexrelid
     join pg_namespace n on n.oid = c.relnamespace
     where c.relname = 'items_title' and n.nspname = any ($1)`,
    [[shard.bundle.workSchema, shard.bundle.releaseSchema]],
  );
  expect(rows.length).toBeLessThanOrEqual(1);
  return rows[0]?.state ?? null;
}

/** The backend of the runner, as soon as its statement, which begins so, waits for the writer. */
async function waitsWith(statement: string, isOver: () => boolean): Promise<string> {
  while (!isOver()) {
    const { rows } = await watcher.query<{ pid: string }>(
      `select a.pid from pg_stat_activity a join pg_locks l using (pid)
       where not l.granted and a.application_name = 'halflap/${STEP}'
         and a.datname = current_database() and a.query ilike $1`,
      [`${statement}%`],
    );
    if (rows[0] !== undefined) return rows[0].pid;
  }
  throw new Error(`expand has ended without ${statement}`);
}

/** Runs expand into the statement, held up by an open transaction, and strikes it there. */
async function struckIn(statement: string, blow: string): Promise<unknown> {
  await writer.query('begin; update items set size = size + 1 where id = 1');
  let isOver = false;
  const attempt = runVerb({
    url: shard.url,
    shard: 'eu1',
    bundle: shard.bundle,
    verb: 'expand',
    limits: LIMITS,
  }).then(
    () => null,
    (error: unknown) => error,
  );
  void attempt.then(() => {
    isOver = true;
  });
  try {
    const pid = await waitsWith(statement, () => isOver);
    await watcher.query(`select ${blow}($1::int)`, [pid]);
    return await attempt;
  } finally {
    await writer.query('commit');
  }
}

describe('an index of the new release', () => {
  it('is built again after its build, its drop and its backend were struck', async () => {
    expect(await indexState()).toBe(null);
    expect(await struckIn('create index', 'pg_cancel_backend')).toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringContaining(STEP),
      detail: { shard: 'eu1', step: STEP },
    });
    expect(await indexState()).toBe('invalid');
    expect(await struckIn('drop index', 'pg_cancel_backend')).toMatchObject({
      code: 'STEP_FAILED',
    });
    expect(await indexState()).toBe('invalid');
    expect(await struckIn('drop index', 'pg_terminate_backend')).toMatchObject({
      code: 'SHARD_UNREACHABLE',
      retryable: true,
    });
    expect(await indexState()).toBe('invalid');
    const lines: string[] = [];
    await runVerb({
      url: shard.url,
      shard: 'eu1',
      bundle: shard.bundle,
      verb: 'expand',
      limits: LIMITS,
      log: (line) => lines.push(line),
    });
    expect(lines).toContain(`${STEP}: an unfinished index of that name is dropped first`);
    expect(await indexState()).toBe('valid');
    await shard.run('contract');
    expect(await unlikeFresh(shard.url, shard.bundle)).toEqual([]);
  });
});
