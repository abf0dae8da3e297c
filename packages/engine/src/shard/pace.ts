// How fast an operator lets a shard be filled: kept in the shard, read between two batches and
// while the runner rests between them, so that a run which is already under way obeys.

import { HalflapError } from '@halflap/protocol';
import { withSession } from '../pg.js';
import { type Run, rest } from './run.js';
import { readState } from './state.js';

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

export interface PacedShard {
  readonly url: string;
  /** Name for messages. */
  readonly shard: string;
  /** The application to which the shard must belong. */
  readonly app: string;
}

/**
 * Changes what is given and keeps the rest; gives back what holds now.
 * @throws SHARD_UNKNOWN when the shard was never prepared; EVOLUTION_MISMATCH when it belongs to
 * another application; PostgreSQL's error for a value out of range.
 */
export async function setPace(target: PacedShard, change: PaceChange): Promise<ShardPace> {
  const { url, shard, app } = target;
  return withSession(url, 'pace', async (session) => {
    const state = await readState(session, shard);
    if (state === null) {
      throw new HalflapError('SHARD_UNKNOWN', `Halflap does not know shard ${shard} yet`, {
        detail: { shard },
        hint: `halflap adopt VERSION --shard ${shard} takes it in, with the release it holds`,
      });
    }
    if (state.app !== app) {
      throw new HalflapError(
        'EVOLUTION_MISMATCH',
        `shard ${shard} is of ${state.app}, not ${app}`,
        {
          detail: { shard },
          hint: `correct "app" in halflap.yaml, or the url of shard ${shard}`,
        },
      );
    }
    const [row] = await session.query<ShardPace>(
      `update halflap.shard
       set paused = coalesce($1, paused),
           batch_rows = coalesce($2, batch_rows),
           pace_ms = coalesce($3, pace_ms)
       returning batch_rows as "batchRows", pace_ms as "paceMs"`,
      [change.paused ?? null, change.batchRows ?? null, change.paceMs ?? null],
    );
    return row ?? { batchRows: state.batch_rows, paceMs: state.pace_ms };
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
      hint: `halflap resume --shard ${run.shard}; then halflap ${run.verb} --shard ${run.shard}`,
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
