// Runs a drain step: one statement again and again until its first column says that nothing is
// left.

import { HalflapError } from '@halflap/protocol';
import type { DrainStep } from '../compile/bundle.js';
import { describeBlockers, retryContended } from './contention.js';
import { assertFilled, type FloorTables, fillFloor } from './holes.js';
import { assertNotStopped, type Run, rest } from './run.js';

/**
 * Pause after a round that left as much as it found, in ms: whoever holds the rest must end
 * first.
 */
const IDLE_PAUSE_MS = 100;

/** @throws LOCK_TIMEOUT when rows are left after the allowed rounds. */
export async function runDrainStep(run: Run, step: DrainStep, floor: FloorTables): Promise<void> {
  const text = assertFilled(fillFloor(step.statement, floor), step.id);
  let before = Number.POSITIVE_INFINITY;
  for (let round = 0; round < run.limits.drainRounds; round += 1) {
    assertNotStopped(run);
    const left = await drainOnce(run, step, text);
    if (left === 0) return;
    if (left >= before) await rest(run, IDLE_PAUSE_MS);
    before = left;
  }
  throw await leftOver(run, step, `${before} are left after ${run.limits.drainRounds} rounds`);
}

function drainOnce(run: Run, step: DrainStep, text: string): Promise<number> {
  return retryContended(run, {
    attempt: () =>
      run.session.transaction(async () => {
        await run.session.query("select set_config('lock_timeout', $1, true)", [
          `${run.limits.lockTimeoutMs}ms`,
        ]);
        const [row] = await run.session.query(text);
        return row === undefined ? 0 : Number(Object.values(row)[0] ?? 0);
      }),
    giveUp: (cause) => leftOver(run, step, 'a lock was never granted', cause),
  });
}

async function leftOver(run: Run, step: DrainStep, why: string, cause?: unknown) {
  const evidence = await describeBlockers(run.session, run.pid, null);
  return new HalflapError('LOCK_TIMEOUT', `step ${step.id} on shard ${run.shard}: ${why}`, {
    detail: { shard: run.shard, step: step.id, evidence },
    hint: 'end the long transactions listed, then run the verb again',
    cause,
  });
}
