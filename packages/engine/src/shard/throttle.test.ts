// Backfill gives way to a database under strain: a real standby that does not replay, and sessions
// that wait for locks which have nothing to do with us.

import { describe, expect, inject, it } from 'vitest';
import type { Bundle } from '../compile/bundle.js';
import { connect, type Session, withSession } from '../pg.js';
import { type PostgresServer, withDatabase, withPostgres } from '../testing/index.js';
import { runVerb } from './advance.js';
import { readShard } from './fleet.js';
import type { Limits } from './limits.js';
import type { Progress } from './run.js';
import { divergence, installByHand } from './testing/hand-bundle.js';

const ROWS = "select n, 'item ' || n, n % 7 from generate_series(1, 3000) n";
const FILL = 'expand/fill-items';

interface Filling {
  /** Every word of progress of the backfill. */
  readonly seen: readonly Progress[];
  readonly done: Promise<unknown>;
  /** Resolves when it has carried a batch, or has said so often that it waits; fails at its end. */
  carries(): Promise<void>;
  waits(times: number): Promise<void>;
}

function startFilling(url: string, bundle: Bundle, limits: Partial<Limits>): Filling {
  const seen: Progress[] = [];
  let look = () => {};
  const done = runVerb({
    url,
    shard: 'eu1',
    bundle,
    verb: 'expand',
    limits,
    pace: { batchRows: 50, paceMs: 50 },
    onProgress: (progress) => {
      if (progress.step === FILL) seen.push(progress);
      look();
    },
  });
  done.catch(() => {});
  const says = (isSo: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      look = () => {
        if (isSo()) resolve();
      };
      done.then(() => reject(new Error('it has filled without that')), reject);
    });
  return {
    seen,
    done,
    carries: () => says(() => seen.length > 0),
    waits: (times) => says(() => seen.filter((one) => one.waitingFor !== null).length >= times),
  };
}

/** While it waits it says so everywhere, and carries no row. */
async function expectWaiting(url: string, filling: Filling, reason: RegExp): Promise<void> {
  await filling.waits(1);
  const first = filling.seen.find((one) => one.waitingFor !== null);
  expect(first?.waitingFor).toMatch(reason);
  await filling.waits(3);
  const status = await readShard(url);
  expect(status.blocked).toMatch(reason);
  expect(status.running).toMatchObject({ step: FILL, rowsDone: first?.rowsDone });
  expect(first?.rowsDone).toBeLessThan(3000);
  const waiting = filling.seen.filter((one) => one.waitingFor !== null);
  expect(new Set(waiting.map((one) => one.rowsDone)).size).toBe(1);
}

async function expectFilled(url: string, filling: Filling): Promise<void> {
  expect(await filling.done).toMatchObject({ phase: 'dual' });
  expect(filling.seen.at(-1)).toMatchObject({ rowsDone: 3000, waitingFor: null });
  await withSession(url, 'test', async (session) => {
    expect(await divergence(session)).toEqual([]);
    const text = "select detail from halflap.journal where detail ? 'waitingFor'";
    expect(await session.query(text)).toEqual([]);
  });
}

async function withStandby(
  body: (primary: PostgresServer, standby: PostgresServer) => Promise<void>,
): Promise<void> {
  const installation = inject('installation');
  // By default a standby that has nothing to do answers only every ten seconds.
  const settings = { wal_receiver_status_interval: '1s' };
  await withPostgres(
    (primary) =>
      withPostgres((standby) => body(primary, standby), {
        installation,
        settings,
        standbyOf: primary,
      }),
    { installation },
  );
}

async function until(session: Session, condition: string): Promise<void> {
  const holds = async () => {
    const [row] = await session.query<{ holds: boolean | null }>(`select (${condition}) as holds`);
    return row?.holds === true;
  };
  while (!(await holds()));
}

describe('backfill', () => {
  it('waits for a standby that has stopped to replay, until it has caught up', () =>
    withStandby(async (primary, standby) => {
      await primary.createDatabase('eu1');
      const url = primary.url('eu1');
      const bundle = await installByHand(url, { rows: ROWS });
      await runVerb({ url, shard: 'eu1', bundle, verb: 'prepare' });
      // What lags behind afterwards is what the backfill writes.
      const isAtRest = `select replay_lsn >= pg_current_wal_flush_lsn() and replay_lag is null
        from pg_stat_replication`;
      await withSession(url, 'test', (session) => until(session, isAtRest));
      await withSession(standby.url('eu1'), 'test', async (session) => {
        await session.query('select pg_wal_replay_pause()');
        await until(session, "pg_get_wal_replay_pause_state() = 'paused'");
        const filling = startFilling(url, bundle, { lagMs: 500 });
        await expectWaiting(url, filling, /^replication: a standby is \d+\.\d s behind$/);
        await session.query('select pg_wal_replay_resume()');
        await expectFilled(url, filling);
        await until(session, "to_regclass('shop_2_0.items') is not null");
      });
    }));

  it('waits while more sessions than a few wait for locks, whoever holds them', async () => {
    await withDatabase(async (url) => {
      const bundle = await installByHand(url, { rows: ROWS });
      await runVerb({ url, shard: 'eu1', bundle, verb: 'prepare' });
      const sessions = await Promise.all([1, 2, 3].map((name) => connect(url, `queue-${name}`)));
      const holder = await connect(url, 'holder');
      await holder.query('create table elsewhere ()');
      const filling = startFilling(url, bundle, { waitingSessions: 2 });
      // Before, the barrier would wait for this transaction.
      await filling.carries();
      await holder.query('begin; lock table elsewhere');
      const queue = sessions.map((session) => session.query('table elsewhere'));
      await expectWaiting(url, filling, /^lock waits: 3 sessions of the database wait for locks$/);
      await holder.query('rollback');
      await Promise.all(queue);
      await expectFilled(url, filling);
      await Promise.all([...sessions, holder].map((session) => session.end()));
    });
  });
});
