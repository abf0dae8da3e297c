// Work on one shard, so that whatever fails says on which shard it failed.

import { remedy, sqlStateOf } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';

/** Runs `body`; errors that do not name the shard yet come out naming it. */
export async function onShard<Result>(shard: string, body: () => Promise<Result>): Promise<Result> {
  try {
    return await body();
  } catch (error) {
    throw named(shard, error);
  }
}

function named(shard: string, error: unknown): unknown {
  if (error instanceof HalflapError) {
    if (error.message.includes(`shard ${shard}`)) return error;
    const hint = error.hint === undefined ? {} : { hint: error.hint };
    return new HalflapError(error.code, `shard ${shard}: ${error.message}`, {
      detail: { shard, ...error.detail },
      cause: error.cause,
      ...hint,
    });
  }
  const state = sqlStateOf(error);
  if (state === undefined || !(error instanceof Error)) return error;
  const message = `shard ${shard} refused a statement: ${error.message} (SQLSTATE ${state})`;
  return new HalflapError('STEP_FAILED', message, {
    detail: { shard },
    hint: `${remedy(error)}; then repeat the command`,
    cause: error,
  });
}
