// Fills the new layout from the old one: a walk over the source's key, each batch in a transaction
// of its own, as large as it may be without being felt.
//
// Invariant: the cursor moves in the transaction of the batch that it passes. Whatever dies
// whenever, each row of the source has been carried, or lies after the cursor; batches are
// idempotent by the compiler's promise, and rows that applications write meanwhile are the sync
// triggers' work.

import { HalflapError } from '@halflap/protocol';
import type { BackfillStep } from '../compile/bundle.js';
import { sqlStateOf } from '../pg.js';
import { integer, literal, sql, trusted } from '../sql.js';
import { describeBlockers, retryContended } from './contention.js';
import {
  assertFilled,
  type FloorTables,
  fillFloor,
  fillRange,
  type KeyRange,
  type KeyValues,
} from './holes.js';
import { noteStep } from './journal.js';
import { runInOneMessage } from './one-message.js';
import { readPace, restAfterBatch } from './pace.js';
import { clampRows, estimateRows, findPage, nextPageRows, type Page } from './pages.js';
import { rateMeter } from './rate.js';
import { assertNotStopped, continues, type Run, rest } from './run.js';
import { releasePath, withSettings } from './settings.js';
import { reasonToWait, startThrottle, type Throttle } from './throttle.js';

interface Filling {
  readonly run: Run;
  readonly step: BackfillStep;
  readonly source: string;
  readonly batch: readonly string[];
  readonly oneByOne: readonly string[];
  readonly throttle: Throttle;
}

interface ProgressRow {
  readonly cursor: string[] | null;
  readonly rows_done: number;
  readonly rows_estimated: number;
  readonly is_done: boolean;
}

const FIRST_BATCH_ROWS = 500;
/** Clients wait behind rows of a batch only, so their turn need not be long, in ms. */
const LONGEST_ROW_PAUSE_MS = 50;
/** Pause while the database is under strain, in ms; then it is looked at again. */
const STRAIN_PAUSE_MS = 200;

/** @throws PAUSED between two batches; LOCK_TIMEOUT; INTERRUPTED. Run again, it goes on. */
export async function runBackfillStep(run: Run, step: BackfillStep, floor: FloorTables) {
  const fill = (text: string) => fillFloor(text, floor);
  const source = assertFilled(fill(step.source), step.id);
  const batch = step.batch.map(fill);
  const oneByOne = step.oneByOne.map(fill);
  const everything = { lower: null, upper: null };
  for (const text of [...batch, ...oneByOne])
    assertFilled(fillRange(text, step.key, everything), step.id);
  const begun = await beginProgress(run, step, source);
  if (begun.is_done) return;
  const settings = {
    search_path: releasePath(run.bundle),
    lock_timeout: `${await rowLockTimeoutMs(run)}ms`,
    // The cursor is lost with the rows if the machine dies, so both are written again.
    synchronous_commit: 'off',
    // Estimates of tables that were never analysed must not turn a key range, or the question what
    // is there already, into a full scan.
    enable_seqscan: 'off',
    enable_hashjoin: 'off',
    enable_mergejoin: 'off',
  };
  const throttle = await startThrottle(run);
  try {
    await withSettings(run.session, settings, () =>
      walk({ run, step, source, batch, oneByOne, throttle }, begun),
    );
  } finally {
    await throttle.stop();
  }
}

async function walk(filling: Filling, begun: ProgressRow): Promise<void> {
  const { run, step } = filling;
  const meter = rateMeter(run, step, begun.rows_done, begun.rows_estimated);
  let lower: KeyValues | null = begun.cursor;
  let rows = FIRST_BATCH_ROWS;
  let endedAt = Number.NEGATIVE_INFINITY;
  for (;;) {
    assertNotStopped(run);
    const pace = await restAfterBatch(run, endedAt);
    await ease(filling, (reason) => meter.waiting(reason));
    if (filling.throttle.takeShrink()) rows = Math.round(rows / 2);
    rows = clampRows(rows, sizes(run, pace.batchRows));
    const done = await runBatch(filling, lower, rows);
    const isLast = done.page.upper === null;
    meter.advance(done.page.rows, rows, isLast ? 0 : pace.paceMs);
    if (isLast) return;
    lower = done.page.upper;
    endedAt = performance.now();
    rows = nextPageRows({
      ...sizes(run, pace.batchRows),
      rows: done.asked,
      tookMs: done.tookMs,
      targetMs: run.limits.batchTargetMs,
    });
  }
}

/** Finds the page and carries it; on contention the page shrinks, so that it collides less. */
async function runBatch(filling: Filling, lower: KeyValues | null, rows: number) {
  const { run, step } = filling;
  let asked = rows;
  return retryContended(run, {
    attempt: async () => {
      const page = await findPage(run.session, trusted(filling.source), step.key, {
        lower,
        upper: null,
        rows: asked,
      });
      const startedAt = performance.now();
      await carry(filling, { lower, upper: page.upper }, page);
      return { page, asked, tookMs: performance.now() - startedAt };
    },
    // Down to a single row if need be: a row that many clients want is had by waiting for it alone.
    onContention: () => {
      asked = Math.max(Math.floor(asked / 4), 1);
    },
    longestPauseMs: Math.min(LONGEST_ROW_PAUSE_MS, run.limits.lockPauseMs),
    giveUp: async (cause, attempts) =>
      new HalflapError(
        'LOCK_TIMEOUT',
        `backfill of ${step.relation} on shard ${run.shard} was not granted its row locks in ` +
          `${attempts} attempts`,
        {
          detail: {
            shard: run.shard,
            step: step.id,
            evidence: await describeBlockers(run.session, run.pid, filling.source),
          },
          hint: `end the transactions listed; then ${continues(run)}`,
          cause,
        },
      ),
  });
}

async function carry(filling: Filling, range: KeyRange, page: Page): Promise<void> {
  const { run, step } = filling;
  const isLast = page.upper === null;
  const cursor = isLast ? sql`cursor` : sql`${literal(JSON.stringify(page.upper))}::jsonb`;
  const progress = sql`update halflap.progress
set cursor = ${cursor},
    rows_done = rows_done + ${integer(page.rows)},
    is_done = ${isLast ? sql`true` : sql`false`},
    updated_at = clock_timestamp()
where step = ${literal(step.id)}`;
  const runAll = (statements: readonly string[]) => {
    const batch = statements.map((statement) => fillRange(statement, step.key, range));
    return runInOneMessage(run.session, [...batch, progress.text]);
  };
  try {
    await runAll(filling.batch);
  } catch (error) {
    // A row that cannot be carried fails its whole batch; row by row it goes to quarantine alone.
    if (!isAboutData(error)) throw error;
    await runAll(filling.oneByOne);
  }
}

/** Classes 22 (data exception) and 23 (constraint violation), and what user functions raise. */
function isAboutData(error: unknown): boolean {
  return /^(22|23|44|P0)/.test(sqlStateOf(error) ?? '');
}

/** Waits while the database is under strain, and says so where people look. */
async function ease(filling: Filling, tell: (reason: string) => void): Promise<void> {
  const { run, step, throttle } = filling;
  let hasWaited = false;
  for (;;) {
    const reason = reasonToWait(throttle.strain(), run.limits);
    if (reason === null) break;
    tell(reason);
    if (!hasWaited) await noteStep(run, step, { waitingFor: reason });
    hasWaited = true;
    await rest(run, STRAIN_PAUSE_MS);
    await readPace(run);
  }
  if (hasWaited) await noteStep(run, step, { waitingFor: null });
}

async function beginProgress(run: Run, step: BackfillStep, source: string): Promise<ProgressRow> {
  const read = () =>
    run.session.query<ProgressRow>(
      `select cursor, rows_done::float8 as rows_done, rows_estimated::float8 as rows_estimated,
              is_done
       from halflap.progress where step = $1`,
      [step.id],
    );
  const [kept] = await read();
  if (kept !== undefined) return kept;
  const estimated = await estimateRows(run.session, trusted(source));
  await run.session.query(
    'insert into halflap.progress (step, relation, rows_estimated) values ($1, $2, $3)',
    [step.id, step.relation, estimated],
  );
  return { cursor: null, rows_done: 0, rows_estimated: estimated, is_done: false };
}

async function rowLockTimeoutMs(run: Run): Promise<number> {
  const [row] = await run.session.query<{ ms: number }>(
    "select setting::int as ms from pg_catalog.pg_settings where name = 'deadlock_timeout'",
  );
  return Math.max(1, Math.min(run.limits.batchLockTimeoutMs, Math.floor((row?.ms ?? 1000) / 2)));
}

function sizes(run: Run, most: number) {
  return { least: run.limits.batchRowsFloor, most };
}
