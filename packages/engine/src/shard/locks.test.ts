// What clients feel of the runner, and what the runner bears from clients: locks, barriers,
// indexes.

import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import type { Bundle, Step } from '../compile/bundle.js';
import { connect, type Session, withSession } from '../pg.js';
import { type FreshDatabase, freshDatabase, withPostgres } from '../testing/index.js';
import { runVerb, type VerbOptions } from './advance.js';
import { LIMITS } from './limits.js';
import { divergence, installByHand, transaction } from './testing/hand-bundle.js';

const ROWS = "select n, 'item ' || n, n % 7 from generate_series(1, 500) n";

let database: FreshDatabase;
let session: Session;
let bundle: Bundle;

beforeEach(async () => {
  database = await freshDatabase();
  session = await connect(database.url, 'test');
  bundle = await installByHand(database.url, { rows: ROWS });
  return async () => {
    await session.end();
    await database.drop();
  };
});

const run = (verb: VerbOptions['verb'], more: Partial<VerbOptions> = {}) =>
  runVerb({ url: database.url, shard: 'eu1', bundle, verb, ...more });

/** The bundle with one step instead of those of prepare. */
function preparedBy(step: Step): Bundle {
  return { ...bundle, steps: { ...bundle.steps, prepare: [step] } };
}

const ADD_COLUMN = transaction(
  'prepare/column',
  ['alter table {{floor:items}} add extra int'],
  'prepared',
);

describe('a transaction step', () => {
  it('is tried again until a blocking session is gone', async () => {
    await session.query('begin; select from items limit 1');
    const done = run('prepare', {
      bundle: preparedBy(ADD_COLUMN),
      log: (line) => {
        if (line.includes('a lock is taken')) void session.query('commit');
      },
    });
    expect(await done).toMatchObject({ phase: 'prepared', changed: true });
  });

  it('gives up after the capped attempts and names relation and session', async () => {
    await session.query('begin; select from items limit 1');
    const limits = { lockAttempts: 3, lockPauseMs: 1 };
    const failure = await run('prepare', { bundle: preparedBy(ADD_COLUMN), limits }).catch(
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({
      code: 'LOCK_TIMEOUT',
      message: expect.stringContaining('public.items in 3 attempts'),
      detail: { evidence: [expect.stringMatching(/halflap\/test.*idle in transaction.*Access/)] },
    });
    expect(JSON.stringify(failure)).not.toContain('select from items');
    await session.query('commit');
    expect(await run('prepare', { bundle: preparedBy(ADD_COLUMN) })).toMatchObject({
      phase: 'prepared',
    });
  });

  it('names who keeps it from looking at the catalogue before its first step', async () => {
    // PostgreSQL opens the table to print a check.
    await session.query('alter table items add check (id > 0)');
    await session.query('begin; lock table items');
    await expect(run('prepare')).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
      detail: { evidence: [expect.stringMatching(/halflap\/test.*AccessExclusiveLock/)] },
      hint: 'end the transactions listed; then halflap prepare --shard eu1 continues it',
    });
  });

  it('names a prepared transaction that holds the relation', async () => {
    const settings = { max_prepared_transactions: '2' };
    const start = { installation: inject('installation'), settings };
    await withPostgres(async (server) => {
      await server.createDatabase('eu1');
      const url = server.url('eu1');
      const own = await installByHand(url, { rows: ROWS });
      const prepare = (lockAttempts: number) => {
        const limits = { lockAttempts, lockPauseMs: 1 };
        const changed = { ...own, steps: { ...own.steps, prepare: [ADD_COLUMN] } };
        return runVerb({ url, shard: 'eu1', bundle: changed, verb: 'prepare', limits });
      };
      await withSession(url, 'coordinator', async (other) => {
        await other.query("begin; select from items limit 1; prepare transaction 'order 7'");
        await expect(prepare(2)).rejects.toMatchObject({
          code: 'LOCK_TIMEOUT',
          detail: {
            evidence: [
              expect.stringMatching(
                /^prepared transaction order 7: prepared, transaction open for .*, holds Access/,
              ),
            ],
          },
        });
        await other.query("rollback prepared 'order 7'");
      });
      expect(await prepare(2)).toMatchObject({ phase: 'prepared' });
    }, start);
  });

  it('never lets a client wait behind it for longer than its lock timeout', async () => {
    await session.query('begin; select from items limit 1');
    const stop = new AbortController();
    const waits: number[] = [];
    const client = (async () => {
      const own = await connect(database.url, 'client');
      while (!stop.signal.aborted) {
        const startedAt = performance.now();
        await own.query('select count(*) from items');
        waits.push(performance.now() - startedAt);
      }
      await own.end();
    })();
    const limits = { lockAttempts: 8, lockPauseMs: 20 };
    await expect(run('prepare', { bundle: preparedBy(ADD_COLUMN), limits })).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
    });
    stop.abort();
    await client;
    // The blocking session is still open: a client that stood behind us without end would have
    // finished one statement at most.
    expect(Math.max(...waits)).toBeGreaterThan(LIMITS.lockTimeoutMs / 2);
    expect(waits.length).toBeGreaterThan(limits.lockAttempts);
    await session.query('commit');
  });

  it('leaves nothing of an attempt that met a lock on its second table', async () => {
    await session.query('create table other (a int)');
    await session.query('begin; select from items limit 1');
    const step = transaction('prepare/two', [
      'alter table public.other add b int',
      'alter table {{floor:items}} add extra int',
    ]);
    const limits = { lockAttempts: 2, lockPauseMs: 1 };
    await expect(run('prepare', { bundle: preparedBy(step), limits })).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
    });
    await session.query('commit');
    expect(await session.query('select to_jsonb(o) from other o')).toEqual([]);
    const columns = "select from pg_attribute where attrelid = 'other'::regclass and attnum > 0";
    expect(await session.query(columns)).toHaveLength(1);
  });
});

describe('a barrier step', () => {
  it('waits for a session idle in a transaction, names it, and does it no harm', async () => {
    await run('prepare');
    const bystander = await connect(database.url, 'bystander');
    await bystander.query('begin');
    await bystander.query('select count(*) from items');
    const said = new PassThrough({ objectMode: true });
    // The sync step needs a lock that this session's AccessShareLock does not forbid for long.
    await bystander.query('commit; begin; select 1');
    const reasons: string[] = [];
    const expanding = run('expand', {
      onProgress: ({ step, waitingFor }) => {
        if (step !== 'expand/barrier' || waitingFor === null) return;
        reasons.push(waitingFor);
        said.write(waitingFor);
      },
    });
    await once(said, 'data');
    expect(reasons[0]).toMatch(/open transactions: session \d+ \(halflap\/bystander\)/);
    const [kept] = await session.query<{ virtual: string[] }>(
      `select detail->'barrier'->'virtual' as virtual
       from halflap.journal where step like '%barrier'`,
    );
    expect(kept?.virtual).toHaveLength(1);
    // Transactions that begin later are not waited for.
    await session.query('begin; select 1');
    await bystander.query("update items set name = 'mine' where id = 1");
    await bystander.query('commit');
    expect(await expanding).toMatchObject({ phase: 'dual' });
    await session.query('commit');
    await bystander.end();
    expect(await divergence(session)).toEqual([]);
  });

  it('waits for the same transactions when another runner takes over', async () => {
    await run('prepare');
    await session.query('begin; select 1');
    const stop = new AbortController();
    const signal = stop.signal;
    await expect(run('expand', { signal, onProgress: () => stop.abort() })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    const read = () =>
      withSession(database.url, 'look', (own) =>
        own.query(
          "select detail->'barrier' as open from halflap.journal where step like '%barrier'",
        ),
      );
    const before = await read();
    const again = run('expand', {
      onProgress: ({ waitingFor }) => {
        if (waitingFor !== null) void session.query('commit');
      },
    });
    expect(await again).toMatchObject({ phase: 'dual' });
    expect(await read()).toEqual(before);
  });
});

describe('an index step', () => {
  it('drops an invalid index of a failed build and builds it again', async () => {
    const unique = {
      kind: 'index',
      id: 'prepare/index',
      title: 'Index',
      schema: 'public',
      index: 'items_by_name',
      statement: {
        sql: 'create unique index concurrently items_by_name on {{floor:items}} (name)',
        lock: { mode: 'SHARE UPDATE EXCLUSIVE', relation: 'public.items' },
      },
    } as const satisfies Step;
    const prepare = [unique, ...bundle.steps.prepare];
    const changed = { ...bundle, steps: { ...bundle.steps, prepare } };
    await session.query("update items set name = 'twice' where id in (1, 2)");
    await expect(run('prepare', { bundle: changed })).rejects.toMatchObject({
      code: 'STEP_FAILED',
      cause: { code: '23505' },
    });
    const validity = "select indisvalid from pg_index where indexrelid = 'items_by_name'::regclass";
    expect(await session.query(validity)).toEqual([{ indisvalid: false }]);
    await session.query("update items set name = 'once' where id = 2");
    expect(await run('prepare', { bundle: changed })).toMatchObject({ phase: 'prepared' });
    expect(await session.query(validity)).toEqual([{ indisvalid: true }]);
  });
});
