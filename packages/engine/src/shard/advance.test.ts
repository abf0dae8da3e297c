// The life of a shard on a bundle written by hand: every verb to its end, twice, and where it must
// not.

import { beforeEach, describe, expect, it } from 'vitest';
import type { Bundle } from '../compile/bundle.js';
import { connect, type Session, withSession } from '../pg.js';
import { type FreshDatabase, freshDatabase } from '../testing/index.js';
import { runVerb } from './advance.js';
import {
  divergence,
  failingAfterFence,
  handBundle,
  installByHand,
  pausedAfterFirstStep,
  transaction,
} from './testing/hand-bundle.js';

const ROWS = "select n, 'item ' || n, n % 7 from generate_series(1, 3000) n";

let database: FreshDatabase;
let session: Session;
let bundle: Bundle;

beforeEach(async () => {
  database = await freshDatabase();
  bundle = await installByHand(database.url, { rows: ROWS });
  session = await connect(database.url, 'test');
  return async () => {
    await session.end();
    await database.drop();
  };
});

const run = (verb: Parameters<typeof runVerb>[0]['verb'], more = {}) =>
  runVerb({ url: database.url, shard: 'eu1', bundle, verb, limits: FAST, ...more });
const FAST = { evidenceWindowMs: 60, lockAttempts: 3, busyPatienceMs: 0 };
const shardRow = async () => (await session.query('select * from halflap.shard'))[0];

describe('runVerb', () => {
  it('leads a shard from settled(1.0) to settled(2.0)', async () => {
    expect(await run('prepare')).toMatchObject({ phase: 'prepared', changed: true });
    expect(await shardRow()).toMatchObject({ floor: '1.0', ceiling: '2.0', phase: 'prepared' });
    expect(await run('expand')).toMatchObject({ phase: 'dual', changed: true });
    expect(await divergence(session)).toEqual([]);
    await session.query("insert into items values (9001, 'late', 1)");
    expect(await divergence(session)).toEqual([]);
    expect(await run('verify')).toMatchObject({ phase: 'dual', changed: false });
    expect(await run('contract')).toMatchObject({ phase: 'settled', changed: true });
    expect(await shardRow()).toMatchObject({
      floor: '2.0',
      ceiling: '2.0',
      bundle_hash: null,
      fingerprint: 'two',
    });
    const [count] = await session.query('select count(*)::int from shop_2_0.items');
    expect(count).toEqual({ count: 3001 });
  });

  it('answers done without a change where the goal is reached', async () => {
    for (const verb of ['prepare', 'expand', 'contract'] as const) {
      await run(verb);
      expect(await run(verb)).toMatchObject({ changed: false, steps: [] });
    }
  });

  it('leads back from prepared, expanding and dual, and forward again', async () => {
    await run('prepare');
    expect(await run('abort')).toMatchObject({ phase: 'settled', changed: true });
    expect(await run('abort')).toMatchObject({ changed: false });
    await run('prepare');
    const paused = pausedAfterFirstStep(bundle);
    await expect(run('expand', { bundle: paused })).rejects.toMatchObject({ code: 'PAUSED' });
    expect(await shardRow()).toMatchObject({ phase: 'expanding' });
    await session.query('update halflap.shard set paused = false');
    await run('abort');
    await run('prepare');
    await session.query('update halflap.shard set paused = true');
    await expect(run('expand')).rejects.toMatchObject({ code: 'PAUSED' });
    expect(await shardRow()).toMatchObject({ phase: 'prepared' });
    await run('abort');
    await session.query('update halflap.shard set paused = false');
    await run('prepare');
    await run('expand');
    // Not behind a feature that servers of 2.0 may use.
    await session.query(`
      insert into halflap.feature (name, release, state, is_reversible, changed_by)
      values ('quotas', '2.0', 'enabled', true, 'ops')`);
    await expect(run('abort')).rejects.toMatchObject({
      code: 'FEATURE_REFUSED',
      message: expect.stringMatching(/release 1.0 does not have quotas/),
      hint: expect.stringMatching(/halflap features disable NAME --all/),
      detail: { evidence: [expect.stringMatching(/^feature quotas of 2.0 is enabled .* by ops/)] },
    });
    await session.query('delete from halflap.feature');
    await run('abort');
    expect(await shardRow()).toMatchObject({ floor: '1.0', ceiling: '1.0', phase: 'settled' });
    await run('prepare');
    await run('expand');
    expect(await divergence(session)).toEqual([]);
  });

  it('names its sessions after verb and step', async () => {
    const seen: string[] = [];
    const extra = transaction('prepare/lens', [
      ...(bundle.steps.prepare[0]?.kind === 'transaction'
        ? bundle.steps.prepare[0].statements.map((one) => one.sql)
        : []),
      "create table seen as select current_setting('application_name') as name",
    ]);
    const changed = {
      ...bundle,
      steps: { ...bundle.steps, prepare: [{ ...extra, entersPhase: 'prepared' as const }] },
    };
    await run('prepare', { bundle: changed });
    for (const row of await session.query<{ name: string }>('table seen')) seen.push(row.name);
    expect(seen).toEqual(['halflap/prepare/lens']);
  });

  it('writes the journal with finished steps of the attempt', async () => {
    await run('prepare');
    await run('expand');
    const rows = await session.query<{ step: string; is_done: boolean }>(
      'select step, finished_at is not null as is_done from halflap.journal order by id',
    );
    const steps = [...bundle.steps.prepare, ...bundle.steps.expand].map(({ id }) => id);
    expect(rows.map((row) => row.step)).toEqual(steps);
    expect(rows.every((row) => row.is_done)).toBe(true);
  });

  it('refuses verbs that the phase does not allow', async () => {
    await expect(run('expand')).rejects.toMatchObject({ code: 'SHARD_UNKNOWN' });
    await run('prepare');
    for (const verb of ['verify', 'contract'] as const) {
      await expect(run(verb)).rejects.toMatchObject({ code: 'PHASE_REFUSED' });
    }
    await run('abort');
    await expect(run('expand')).rejects.toMatchObject({ code: 'PHASE_REFUSED' });
    await run('prepare');
    await run('expand');
    await run('contract');
    await expect(run('abort')).rejects.toMatchObject({
      code: 'PHASE_REFUSED',
      message: expect.stringContaining('settled at 2.0, nothing leads back'),
      hint: 'halflap status --shard eu1',
    });
  });

  it('does nothing where the goal was passed in this evolution', async () => {
    await run('prepare');
    const paused = pausedAfterFirstStep(bundle);
    await expect(run('expand', { bundle: paused })).rejects.toMatchObject({ code: 'PAUSED' });
    expect(await run('prepare')).toMatchObject({ phase: 'expanding', changed: false, steps: [] });
    await session.query('update halflap.shard set paused = false');
    await run('expand');
    expect(await run('prepare')).toMatchObject({ phase: 'dual', changed: false, steps: [] });
    await expect(run('contract', { bundle: failingAfterFence(bundle) })).rejects.toMatchObject({
      code: 'STEP_FAILED',
    });
    for (const verb of ['prepare', 'expand', 'verify'] as const) {
      expect(await run(verb)).toMatchObject({ phase: 'contracting', changed: false, steps: [] });
    }
    await expect(run('abort')).rejects.toMatchObject({ code: 'PHASE_REFUSED' });
    await run('contract');
    for (const verb of ['prepare', 'expand', 'verify', 'contract'] as const) {
      const settled = { phase: 'settled', floor: '2.0', ceiling: '2.0', changed: false, steps: [] };
      expect(await run(verb)).toMatchObject(settled);
    }
  });

  it('never proposes contract, from which nothing leads back', async () => {
    await run('prepare');
    await run('abort');
    for (const verb of ['expand', 'verify', 'contract'] as const) {
      await expect(run(verb)).rejects.toMatchObject({ hint: 'halflap prepare --shard eu1' });
    }
    await run('prepare');
    for (const verb of ['verify', 'contract'] as const) {
      await expect(run(verb)).rejects.toMatchObject({ hint: 'halflap expand --shard eu1' });
    }
  });

  it('refuses another bundle than the one that the evolution began with', async () => {
    const other = { ...bundle, hash: 'f'.repeat(64) };
    await run('prepare');
    await expect(run('expand', { bundle: other })).rejects.toMatchObject({
      code: 'EVOLUTION_MISMATCH',
    });
    const stranger = { ...bundle, app: 'other' };
    await expect(run('expand', { bundle: stranger })).rejects.toMatchObject({
      code: 'EVOLUTION_MISMATCH',
    });
  });

  it('refuses a second runner, and names the first', async () => {
    await run('prepare');
    const messages: unknown[] = [];
    let second: Promise<unknown> | undefined;
    await run('expand', {
      onProgress: () => {
        second ??= run('expand').catch((error: unknown) => messages.push(error));
      },
      pace: { batchRows: 100, paceMs: 20 },
    });
    await second;
    expect(messages).toMatchObject([{ code: 'SHARD_BUSY' }]);
    expect(String(messages[0])).toContain('halflap/expand/fill-items');
  });

  it('reports a failing statement with its step and rolls all of it back', async () => {
    const broken = {
      ...bundle,
      steps: {
        ...bundle.steps,
        prepare: [transaction('prepare/lens', ['create table half (a int)', 'select 1/0'])],
      },
    };
    await expect(run('prepare', { bundle: broken })).rejects.toMatchObject({
      code: 'STEP_FAILED',
      message: expect.stringContaining('statement 2 of 2'),
      detail: { shard: 'eu1', step: 'prepare/lens' },
    });
    expect(await session.query("select to_regclass('half') as half")).toEqual([{ half: null }]);
  });

  it('stops on request and goes on later', async () => {
    await run('prepare');
    const stop = new AbortController();
    await expect(
      run('expand', {
        signal: stop.signal,
        pace: { batchRows: 100 },
        onProgress: () => stop.abort(),
      }),
    ).rejects.toMatchObject({ code: 'INTERRUPTED' });
    expect(await run('expand')).toMatchObject({ phase: 'dual' });
    expect(await divergence(session)).toEqual([]);
  });

  it('cancels a statement that is running when it is asked to stop', async () => {
    const stop = new AbortController();
    const slow = {
      ...bundle,
      steps: { ...bundle.steps, prepare: [transaction('prepare/lens', ['select pg_sleep(600)'])] },
    };
    const running = run('prepare', {
      bundle: slow,
      signal: stop.signal,
      log: (line: string) => line.startsWith('prepare/lens') && stop.abort(),
    });
    await expect(running).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});

describe('a database that Halflap never touched', () => {
  it('is refused when it is empty, and left untouched', async () => {
    const empty = await freshDatabase();
    try {
      await expect(run('prepare', { url: empty.url })).rejects.toMatchObject({
        code: 'SHARD_UNKNOWN',
      });
      await withSession(empty.url, 'test', async (other) => {
        expect(await other.query("select to_regnamespace('halflap') as state")).toEqual([
          { state: null },
        ]);
      });
    } finally {
      await empty.drop();
    }
  });

  it('is refused when it has drifted, with the differences', async () => {
    await session.query('alter table items add column owner text');
    await expect(run('prepare')).rejects.toMatchObject({
      code: 'SHARD_DRIFTED',
      detail: { evidence: [expect.stringContaining('owner')] },
    });
  });

  it('may hold tables that the release does not know', async () => {
    await session.query('create table reports (id int)');
    expect(await run('prepare')).toMatchObject({ phase: 'prepared' });
  });

  it('is refused when a newer Halflap wrote it', async () => {
    await run('prepare');
    await session.query('insert into halflap.format values (99, 99)');
    await expect(run('expand')).rejects.toMatchObject({ code: 'SHARD_FORMAT' });
  });

  it('is unreachable where there is no server', async () => {
    const url = 'postgres://nobody:secret@127.0.0.1:1/none';
    const failure = await run('prepare', { url }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'SHARD_UNREACHABLE' });
    expect(String(failure)).not.toContain('secret');
  });
});

describe('a bundle', () => {
  it('must settle the shard in the last step of contract and abort', async () => {
    const steps = { ...bundle.steps, abort: [] };
    await expect(run('prepare', { bundle: { ...bundle, steps } })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
    });
    expect(handBundle(bundle.from.catalog).hash).toBe(bundle.hash);
  });
});
