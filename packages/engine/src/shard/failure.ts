// What an error in the middle of a step means to the operator: a lost connection, a wish to stop,
// or a statement that PostgreSQL refused. The first two can be continued by running the verb
// again.

import { HalflapError } from '@halflap/protocol';
import { adviceOn } from '../advice.js';
import { messageOf, sqlStateOf } from '../pg.js';
import { isContention } from './contention.js';
import { continues, interrupted, type Run } from './run.js';

/** SQLSTATEs that mean that the server ended the session (classes 08 and 57P). */
const LOST = /^(08...|57P0[1-5])$/;
const QUERY_CANCELED = '57014';

/** Errors of the driver and of sockets carry no SQLSTATE; these are their beginnings. */
const LOST_MESSAGE = /^(Connection terminated|Client has encountered|Client was closed)/;

function isConnectionLost(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return LOST.test(state);
  if (!(error instanceof Error)) return false;
  return LOST_MESSAGE.test(error.message) || /^(ECONN|EPIPE|ETIMEDOUT)/.test(codeOf(error));
}

/**
 * Gives the error that the run ends with; errors that are defects of ours come back unchanged.
 * `step` is null before the first step; `blockers` are lines on those who hold the locks in the
 * way.
 */
export function failureOf(
  run: Pick<Run, 'shard' | 'verb' | 'signal'>,
  step: string | null,
  error: unknown,
  blockers: readonly string[] = [],
): unknown {
  if (error instanceof HalflapError) return error;
  const state = sqlStateOf(error);
  const isCanceled = state === QUERY_CANCELED || isAbort(error);
  if (isCanceled && run.signal?.aborted) return interrupted(run, error);
  const detail = { shard: run.shard, ...(step === null ? {} : { step }) };
  const what = step === null ? run.verb : `step ${step}`;
  const again = continues(run);
  if (isConnectionLost(error)) {
    return new HalflapError(
      'SHARD_UNREACHABLE',
      `shard ${run.shard} went away during ${what}: ${messageOf(error)}`,
      { detail, hint: again, cause: error },
    );
  }
  if (state === undefined) return error;
  if (isContention(error)) {
    return new HalflapError(
      'LOCK_TIMEOUT',
      `${what} on shard ${run.shard} was not granted a lock: ${messageOf(error)}`,
      {
        detail: { ...detail, evidence: blockers },
        hint: `end the transactions listed; then ${again}`,
        cause: error,
      },
    );
  }
  return new HalflapError(
    'STEP_FAILED',
    `${what} failed on shard ${run.shard}: ${messageOf(error)} (SQLSTATE ${state})`,
    { detail, hint: `${remedy(error)}; then ${again}${wayBack(run)}`, cause: error },
  );
}

/** What to do about an error of PostgreSQL before the verb is run again. */
export function remedy(error: unknown): string {
  return adviceOn(sqlStateOf(error), '') ?? 'resolve what PostgreSQL complains about';
}

/** Only what leads to dual can be led back. */
function wayBack({ shard, verb }: Pick<Run, 'shard' | 'verb'>): string {
  const isForward = verb === 'prepare' || verb === 'expand';
  return isForward ? `, or halflap abort --shard ${shard} leads back` : '';
}

/** What a wait that was stopped by its signal throws. */
function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}
