// Compares the two layouts of one relation completely: key range by key range, first by count and
// hash, then, where those differ, row by row.
//
// Invariant: the ranges cover all keys of either side, the last one without an upper end; both
// sides of a range are read in one snapshot, in which sync has made them equal or has not.

import { HalflapError } from '@halflap/protocol';
import type { VerifyStep } from '../compile/bundle.js';
import { name, sql, trusted } from '../sql.js';
import {
  compareRange,
  EVIDENCE_LINES,
  type Findings,
  listDifferences,
  type Sides,
} from './compare-range.js';
import {
  assertFilled,
  type FloorTables,
  fillFloor,
  type KeyRange,
  type KeyValues,
} from './holes.js';
import { noteStep } from './journal.js';
import { findOffenders } from './offenders.js';
import { readPace } from './pace.js';
import { clampRows, estimateRows, findPage, nextPageRows } from './pages.js';
import { rateMeter } from './rate.js';
import { retryQuarantined } from './retry.js';
import { assertNotStopped, type Run } from './run.js';
import { releasePath, withSettings } from './settings.js';

const FIRST_RANGE_ROWS = 2000;
const LEAST_RANGE_ROWS = 200;

/** @throws VERIFY_FAILED with the differing keys, after the whole relation has been looked at. */
export async function runVerifyStep(run: Run, step: VerifyStep, floor: FloorTables): Promise<void> {
  const path = { search_path: releasePath(run.bundle) };
  await withSettings(run.session, path, () => verify(run, step, floor));
}

async function verify(run: Run, step: VerifyStep, floor: FloorTables): Promise<void> {
  const fill = (text: string) => trusted(assertFilled(fillFloor(text, floor), step.id));
  const sides: Sides = {
    step,
    expected: sql`(${fill(step.expected)}\n)`,
    actual: sql`(${fill(step.actual)}\n)`,
  };
  await beginProgress(run, sides);
  if (step.retry !== null) await retryQuarantined(run, { ...step.retry, id: step.id }, fill);
  const settings = { enable_seqscan: 'off', synchronous_commit: 'off' };
  const rows = await withSettings(run.session, settings, () => walk(run, sides));
  // Rows that break a rule of the new release alone are no difference between the layouts: they go
  // to quarantine, where they stop contract and nothing else.
  const broken = await findOffenders(run, step, fill);
  for (const line of broken.evidence) run.log(`${step.id}: quarantined: ${line}`);
  const { differences } = rows;
  const evidence = rows.evidence.slice(0, EVIDENCE_LINES);
  await run.session.query(
    `update halflap.progress
     set differences = $2, is_done = true, updated_at = clock_timestamp() where step = $1`,
    [step.id, differences],
  );
  if (differences === 0) return;
  await noteStep(run, step, { evidence });
  throw new HalflapError(
    'VERIFY_FAILED',
    `${step.relation} on shard ${run.shard}: ${differences} keys differ between the two layouts`,
    {
      detail: { shard: run.shard, step: step.id, evidence },
      hint: `correct the rows listed and run halflap verify --shard ${run.shard} again`,
    },
  );
}

async function walk(run: Run, sides: Sides): Promise<Findings> {
  const { step } = sides;
  const meter = rateMeter(run, step, 0, await readEstimate(run, step));
  const bounds = { least: LEAST_RANGE_ROWS, most: run.limits.verifyRows };
  const evidence: string[] = [];
  let differences = 0;
  let lower: KeyValues | null = null;
  let rows = clampRows(FIRST_RANGE_ROWS, bounds);
  for (;;) {
    assertNotStopped(run);
    await readPace(run);
    const startedAt = performance.now();
    const range: KeyRange = { lower, upper: await findUpper(run, sides, lower, rows) };
    const found = await inOneSnapshot(run, sides, range);
    differences += found.differences;
    evidence.push(...found.evidence.slice(0, EVIDENCE_LINES - evidence.length));
    await moveCursor(run, step, { range, rows: found.rows, differences });
    meter.advance(found.rows, rows);
    if (range.upper === null) return { differences, evidence };
    lower = range.upper;
    const tookMs = performance.now() - startedAt;
    rows = nextPageRows({ ...bounds, rows, tookMs, targetMs: run.limits.verifyTargetMs });
  }
}

/**
 * The end of the next range: where the new layout's page ends, unless the other side has far more
 * rows before that. Null when neither side has a page's worth of rows left.
 */
async function findUpper(run: Run, sides: Sides, lower: KeyValues | null, rows: number) {
  const { step } = sides;
  const actual = await findPage(run.session, sides.actual, step.key, { lower, upper: null, rows });
  const expected = await findPage(run.session, sides.expected, step.key, {
    lower,
    upper: actual.upper,
    rows: rows * 2,
  });
  return expected.upper ?? actual.upper;
}

async function inOneSnapshot(run: Run, sides: Sides, range: KeyRange) {
  return run.session.transaction(async () => {
    await run.session.query('set transaction isolation level repeatable read, read only');
    const found = await compareRange(run.session, sides, range);
    if (found.isEqual) return { rows: found.rows, differences: 0, evidence: [] };
    return { rows: found.rows, ...(await listDifferences(run.session, sides, range)) };
  });
}

async function beginProgress(run: Run, sides: Sides): Promise<void> {
  const { step } = sides;
  const estimated = await estimateSide(run, sides);
  await run.session.query(
    `insert into halflap.progress (step, relation, rows_estimated) values ($1, $2, $3)
     on conflict (step) do update
     set cursor = null, rows_done = 0, differences = 0, is_done = false,
         rows_estimated = excluded.rows_estimated,
         started_at = clock_timestamp(), updated_at = clock_timestamp()`,
    [step.id, step.relation, estimated],
  );
}

/**
 * By the statistics of the new release's table, wherever it is in this phase; unknown counts as
 * none. Never by its lens: a row that cannot be carried over cannot be read there either.
 */
async function estimateSide(run: Run, sides: Sides): Promise<number> {
  const { releaseSchema, workSchema } = run.bundle;
  for (const schema of [releaseSchema, workSchema]) {
    const table = name(schema, sides.step.relation);
    const found = await run.session.query(
      `select from pg_catalog.pg_class
       where oid = pg_catalog.to_regclass($1) and relkind in ('r', 'p')`,
      [table.text],
    );
    if (found.length > 0) return estimateRows(run.session, table);
  }
  return 0;
}

async function readEstimate(run: Run, step: VerifyStep): Promise<number> {
  const [row] = await run.session.query<{ rows: number }>(
    'select rows_estimated::float8 as rows from halflap.progress where step = $1',
    [step.id],
  );
  return row?.rows ?? 0;
}

async function moveCursor(
  run: Run,
  step: VerifyStep,
  done: { readonly range: KeyRange; readonly rows: number; readonly differences: number },
) {
  const { upper } = done.range;
  await run.session.query(
    `update halflap.progress
     set cursor = coalesce($2::jsonb, cursor), rows_done = rows_done + $3, differences = $4,
         updated_at = clock_timestamp()
     where step = $1`,
    [step.id, upper === null ? null : JSON.stringify(upper), done.rows, done.differences],
  );
}
