// How fast an operator lets a shard be filled: kept in the shard, read between two batches and
// while the runner rests between them, so that a run which is already under way obeys.

import { HalflapError } from '@halflap/protocol';
import { withSession } from '../pg.js';
import { type Run, rest } from './run.js';

export interface ShardPace {
  /** The most rows of one batch, 1 to 1,000,000. */
  readonly batchRows: number;
  /** Pause after each batch, 0 to 3,600,000 ms. */
  readonly paceMs: number;
}

export interface PaceChange extends Partial<ShardPace> {
  /** True stops running verbs after their batch; false lets them be started again. */
  readonly paused?: boolean;
}

/**
 * Changes what is given and keeps the rest.
 * @throws SHARD_UNKNOWN when the shard was never prepared; PostgreSQL's error for a value out of
 * range.
 */
export async function setPace(url: string, change: PaceChange): Promise<void> {
  await withSession(url, 'pace', async (session) => {
    const [found] = await session.query<{ has_state: boolean }>(
      "select to_regclass('halflap.shard') is not null as has_state",
    );
    if (!found?.has_state) {
      throw new HalflapError('SHARD_UNKNOWN', 'the database holds no state of Halflap yet', {
        hint: 'prepare it first: halflap prepare',
      });
    }
    await session.query(
      `update halflap.shard
       set paused = coalesce($1, paused),
           batch_rows = coalesce($2, batch_rows),
           pace_ms = coalesce($3, pace_ms)`,
      [change.paused ?? null, change.batchRows ?? null, change.paceMs ?? null],
    );
  });
}

/** The pace of this run. @throws PAUSED when an operator has paused the shard. */
export async function readPace(run: Run): Promise<ShardPace> {
  const [row] = await run.session.query<{ paused: boolean; batch_rows: number; pace_ms: number }>(
    'select paused, batch_rows, pace_ms from halflap.shard',
  );
  if (row?.paused) {
    throw new HalflapError('PAUSED', `shard ${run.shard} is paused by an operator`, {
      detail: { shard: run.shard },
      hint: `resume the shard, then run halflap ${run.verb} --shard ${run.shard} again`,
    });
  }
  return {
    batchRows: run.pace.batchRows ?? row?.batch_rows ?? 2000,
    paceMs: run.pace.paceMs ?? row?.pace_ms ?? 0,
  };
}

/** A rest may last an hour; so often an operator's change of mind is looked for, in ms. */
const LOOK_EVERY_MS = 500;

/**
 * Rests until the pause after a batch that ended at `endedAt` (of performance.now()) is over, by
 * the pace as it is then. @throws PAUSED, INTERRUPTED.
 */
export async function restAfterBatch(run: Run, endedAt: number): Promise<ShardPace> {
  for (;;) {
    const pace = await readPace(run);
    const leftMs = endedAt + pace.paceMs - performance.now();
    if (leftMs <= 0) return pace;
    await rest(run, Math.min(leftMs, LOOK_EVERY_MS));
  }
}
