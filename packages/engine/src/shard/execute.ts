// Runs one step of a bundle on a shard: journal, act, journal. The kinds of steps are told apart
// here.

import { HalflapError } from '@halflap/protocol';
import { SHIPPED_STEP, type Step } from '../compile/bundle.js';
import { messageOf } from '../pg.js';
import { runBackfillStep } from './backfill-step.js';
import { runBarrierStep } from './barrier-step.js';
import { blockersBehind } from './contention.js';
import { failureOf } from './failure.js';
import { type FloorTables, readFloorTables } from './holes.js';
import { runIndexStep } from './index-step.js';
import { type Beginning, beginStep, finishStep, noteStep, readJournal } from './journal.js';
import { assertNotStopped, type Run } from './run.js';
import { secondsSince } from './seconds.js';
import { set } from './settings.js';
import { runTransactionStep } from './transaction-step.js';
import { runVerifyStep } from './verify-step.js';

/** PostgreSQL keeps this many bytes of application_name. */
const APPLICATION_NAME_BYTES = 63;

/** @returns seconds that it took. @throws HalflapError that says what failed, in which step. */
export async function executeStep(run: Run, step: Step, beginning: Beginning): Promise<number> {
  const startedAt = performance.now();
  assertNotStopped(run);
  try {
    await set(run.session, 'application_name', applicationName(run, step));
    await beginStep(run, step, beginning);
    run.log(`${step.id}: ${step.title}`);
    await act(run, step, await readFloorTables(run.session, run.bundle));
    // A transaction step has done this in its own transaction.
    if (step.kind !== 'transaction') await run.session.query(finishStep(run, step).text);
    if (step.id === SHIPPED_STEP) await tellLeftOut(run, step);
  } catch (error) {
    const failure = failureOf(run, step.id, error, await blockersBehind(error, run));
    // For those who ask `status` later. Where the connection is lost, the journal row says enough.
    await noteStep(run, step, { error: errorNote(failure) }).catch(() => {});
    throw failure;
  }
  const seconds = secondsSince(startedAt);
  run.log(`${step.id}: done in ${seconds.toFixed(2)} s`);
  return seconds;
}

/** Rows that the new release ships, and that stood against rows of the customer. */
async function tellLeftOut(run: Run, step: Step): Promise<void> {
  const lines = (await readJournal(run.session, run.attempt)).get(step.id)?.detail.leftOut;
  if (!Array.isArray(lines)) return;
  for (const line of lines) run.log(`${step.id}: left out: ${line}`);
}

async function act(run: Run, step: Step, floor: FloorTables): Promise<void> {
  switch (step.kind) {
    case 'transaction':
      return runTransactionStep(run, step, floor);
    case 'index':
      return runIndexStep(run, step, floor);
    case 'barrier':
      return runBarrierStep(run, step);
    case 'backfill':
      return runBackfillStep(run, step, floor);
    case 'verify':
      return runVerifyStep(run, step, floor);
    default:
      return step satisfies never;
  }
}

function applicationName(run: Run, step: Step): string {
  const path = step.id.startsWith(`${run.verb}/`) ? step.id : `${run.verb}/${step.id}`;
  return Buffer.from(`halflap/${path}`).subarray(0, APPLICATION_NAME_BYTES).toString();
}

function errorNote(failure: unknown): string {
  return failure instanceof HalflapError
    ? `${failure.code}: ${failure.message}`
    : messageOf(failure);
}
