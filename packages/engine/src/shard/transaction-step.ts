// Runs a transaction step: all statements, the journal and the phase in one transaction, tried
// again as a whole when a lock is not granted in time.
//
// Invariant: clients never queue behind us for longer than the lock timeout, apart from the work
// of the statements themselves. So all of it travels in one message: the network's latency is not
// multiplied by the number of statements while locks are held.

import { HalflapError } from '@halflap/protocol';
import {
  DIRTY_STATE,
  STRANGERS_STATE,
  type Statement,
  type TransactionStep,
} from '../compile/bundle.js';
import { detailOf, hintOf, messageOf, sqlStateOf } from '../pg.js';
import { integer, type Sql, sql } from '../sql.js';
import { describeBlockers, isContention, retryContended } from './contention.js';
import { remedy } from './failure.js';
import { assertFilled, type FloorTables, fillFloor } from './holes.js';
import { finishStep, phaseChange } from './journal.js';
import { lockablesOf, lockedRelation, refusedFirst, takeLocks } from './lock-order.js';
import { runInOneMessage } from './one-message.js';
import { assertNotStopped, continues, type Run } from './run.js';

/**
 * What is left at least for a later lock of the same attempt, in ms: a short transaction's time.
 */
const LEAST_LOCK_TIMEOUT_MS = 20;

/** Work longer than this is not done a second time only to say which statement failed, in ms. */
const REPLAY_LIMIT_MS = 5000;

export async function runTransactionStep(
  run: Run,
  step: TransactionStep,
  floor: FloorTables,
): Promise<void> {
  const statements = step.statements.map((statement) => ({
    ...statement,
    sql: assertFilled(fillFloor(statement.sql, floor), step.id),
  }));
  const closing = [finishStep(run, step), ...phaseChange(run.bundle, step)].map(({ text }) => text);
  const firstLock = statements.find((one) => one.lock !== null);
  let locks = await lockablesOf(run.session, statements, floor);
  const messageOfAttempt = (timeoutMs: number) => [
    lockTimeout(timeoutMs),
    ...statements.flatMap((one) => {
      const budget = lockBudget(timeoutMs);
      if (one === firstLock) return [MARK_FIRST_LOCK, takeLocks(locks, budget).text, one.sql];
      return one.lock === null ? [one.sql] : [sql`select ${budget}`.text, one.sql];
    }),
    ...closing,
  ];
  let timeoutMs = run.limits.lockTimeoutMs;
  let waitedForFirst = 0;
  const startedAt = performance.now();
  let attempts = 0;
  const attempt = () => {
    assertNotStopped(run);
    attempts += 1;
    return runInOneMessage(run.session, messageOfAttempt(timeoutMs));
  };
  try {
    await retryContended(run, {
      attempt,
      giveUp: (cause) => lockRefused(run, step, { statements, floor, cause, attempts }),
      // As long as two attempts at most: clients have their turn, and nobody waits for nothing.
      get longestPauseMs() {
        return Math.min(2 * timeoutMs, run.limits.lockPauseMs);
      },
      onContention: (_, cause) => {
        const [first] = locks;
        locks = refusedFirst(locks, cause);
        // Who waits for what we hold does not go on if we are patient.
        if (locks[0] === first) waitedForFirst += 1;
        timeoutMs = timeoutAfter(waitedForFirst, run.limits.lockTimeoutMs);
        if (attempts % 20 === 1) run.log(`${step.id}: a lock is taken, trying again`);
      },
    });
    if (attempts > 1) run.log(`${step.id}: had its locks in attempt ${attempts}`);
  } catch (error) {
    if (sqlStateOf(error) === DIRTY_STATE) throw dirtyRows(run, step, error);
    if (sqlStateOf(error) === STRANGERS_STATE) throw strangers(run, step, error);
    const isSlow = performance.now() - startedAt > REPLAY_LIMIT_MS;
    const state = sqlStateOf(error);
    if (state === undefined || isSlow || run.signal?.aborted) throw error;
    const at = await findFailing(run, statements);
    if (at === null) throw error;
    throw new HalflapError(
      'STEP_FAILED',
      `step ${step.id} failed on shard ${run.shard}, ` +
        `statement ${at + 1} of ${statements.length}: ` +
        `${messageOf(error)} (SQLSTATE ${state})`,
      {
        detail: { shard: run.shard, step: step.id, evidence: [statements[at]?.sql ?? ''] },
        hint: `${remedy(error)}; then ${continues(run)}`,
        cause: error,
      },
    );
  }
}

function dirtyRows(run: Run, step: TransactionStep, cause: unknown): HalflapError {
  return new HalflapError(
    'DIRTY_ROWS',
    `${run.verb} is refused on shard ${run.shard}: ${messageOf(cause)}`,
    {
      detail: { shard: run.shard, step: step.id, evidence: detailOf(cause)?.split('\n') ?? [] },
      hint: `correct the rows as release ${run.bundle.from.version}; then ${continues(run)}`,
      cause,
    },
  );
}

function strangers(run: Run, step: TransactionStep, cause: unknown): HalflapError {
  return new HalflapError(
    'SHARD_DRIFTED',
    `${run.verb} is refused on shard ${run.shard}: ${messageOf(cause)}`,
    {
      detail: { shard: run.shard, step: step.id, evidence: detailOf(cause)?.split('\n') ?? [] },
      hint: `${hintOf(cause)}; then ${continues(run)}`,
      cause,
    },
  );
}

/**
 * Doubles every twenty waits for the first lock, to eight times at most: beside sessions that never
 * let go of a table at once, a patient attempt costs its clients less than endless short ones.
 */
export function timeoutAfter(waits: number, timeoutMs: number): number {
  return timeoutMs * 2 ** Math.min(3, Math.floor(waits / 20));
}

function lockTimeout(timeoutMs: number): string {
  return sql`set local lock_timeout = ${integer(timeoutMs)}`.text;
}

/** When the first lock was asked for; work before it makes nobody wait. */
const MARK_FIRST_LOCK = `select pg_catalog.set_config('halflap.asked_at',
  clock_timestamp()::text, true)`;

/**
 * Before a further lock: only what is left of the attempt's lock timeout, measured by the server.
 */
function lockBudget(timeoutMs: number): Sql {
  const whole = integer(timeoutMs);
  const least = integer(Math.min(LEAST_LOCK_TIMEOUT_MS, timeoutMs));
  const waited = sql`clock_timestamp() - current_setting('halflap.asked_at')::timestamptz`;
  return sql`pg_catalog.set_config('lock_timeout', greatest(${least}, ${whole} - (extract(
  epoch from ${waited}) * 1000)::int)::text || 'ms', true)`;
}

/**
 * Runs the statements one by one and rolls back: which of them fails, or which lock is not
 * granted.
 */
async function findFailing(run: Run, statements: readonly Statement[]): Promise<number | null> {
  let at = 0;
  try {
    await run.session.transaction(async () => {
      await run.session.query(lockTimeout(run.limits.lockTimeoutMs));
      for (; at < statements.length; at += 1) await run.session.query(statements[at]?.sql ?? '');
      throw new RolledBack();
    });
  } catch (error) {
    if (error instanceof RolledBack) return null;
  }
  return at < statements.length ? at : null;
}

/** Ends a trial transaction; never leaves this file. */
class RolledBack extends Error {}

interface LastAttempt {
  readonly statements: readonly Statement[];
  readonly floor: FloorTables;
  readonly cause: unknown;
  readonly attempts: number;
}

async function lockRefused(
  run: Run,
  step: TransactionStep,
  { statements, floor, cause, attempts }: LastAttempt,
): Promise<HalflapError> {
  const at = isContention(cause) ? await findFailing(run, statements) : null;
  const lock = (at === null ? undefined : statements[at]?.lock) ?? null;
  const relation = lock === null ? null : lockedRelation(lock.relation, floor).text;
  const evidence = await describeBlockers(run.session, run.pid, relation);
  const what = lock === null ? 'a lock' : `a lock on ${lock.relation}`;
  return new HalflapError(
    'LOCK_TIMEOUT',
    `step ${step.id} on shard ${run.shard} was not granted ${what} in ${attempts} attempts`,
    {
      detail: { shard: run.shard, step: step.id, evidence },
      hint: `end the transactions listed; then ${continues(run)}`,
      cause,
    },
  );
}
