// Turns batches into what an operator wants to know: rows done, rows per second, time left.

import type { Step } from '../compile/bundle.js';
import type { Run } from './run.js';
import { toMilliseconds } from './seconds.js';

export interface RateMeter {
  /** A batch is done; `batchRows` is the size that was asked for. Before the next one it rests. */
  advance(rows: number, batchRows: number, restMs?: number): void;
  /** Nothing moves, for this reason. */
  waiting(reason: string): void;
}

/** The rate is that of this run alone: rows of an earlier run took another time. */
export function rateMeter(
  run: Run,
  step: Step & { readonly relation: string },
  doneBefore: number,
  estimated: number,
): RateMeter {
  const startedAt = performance.now();
  let done = doneBefore;
  let batchRows = 0;
  const tell = (waitingFor: string | null, restMs = 0) => {
    const seconds = Math.max((performance.now() - startedAt + restMs) / 1000, 0.001);
    const rate = (done - doneBefore) / seconds;
    // Rows that came meanwhile make the estimate too small; it never falls behind what is done.
    const whole = Math.max(estimated, done);
    run.onProgress?.({
      shard: run.shard,
      verb: run.verb,
      step: step.id,
      title: step.title,
      relation: step.relation,
      rowsDone: done,
      rowsEstimated: whole,
      rowsPerSecond: Math.round(rate),
      secondsLeft: rate > 0 ? toMilliseconds((whole - done) / rate) : null,
      batchRows,
      waitingFor,
    });
  };
  return {
    advance(rows, asked, restMs) {
      done += rows;
      batchRows = asked;
      tell(null, restMs);
    },
    waiting: tell,
  };
}
