// Opens a shard for a runner: a session whose settings nothing outside can bend, the runner's
// lock, and a wish to stop that reaches even a statement that is running.

import { setTimeout as delay } from 'node:timers/promises';
import { HOME_SCHEMA } from '@halflap/protocol';
import { connect, type Session } from '../pg.js';
import { lockShard } from './state.js';

/**
 * What a role or a database may have set otherwise. `row_security = off` makes a policy that would
 * hide rows an error instead of a silent loss; the lock timeout is the last resort where a step
 * has none. Time zone and formats stay the database's own: expressions must give here what they
 * give in triggers.
 */
const SETTINGS: readonly (readonly [string, string])[] = [
  ['search_path', HOME_SCHEMA],
  ['row_security', 'off'],
  ['default_transaction_isolation', 'read committed'],
  ['default_transaction_read_only', 'off'],
  ['statement_timeout', '0'],
  ['lock_timeout', '10s'],
  ['idle_in_transaction_session_timeout', '0'],
  ['transaction_timeout', '0'],
  ['jit', 'off'],
];

const CANCEL_EVERY_MS = 200;

/** Between two statements, and in a short one, a runner stops by itself sooner than this. */
const CANCEL_AFTER_MS = 50;

export interface OpenShard {
  readonly session: Session;
  readonly pid: number;
}

export interface OpeningOptions {
  readonly url: string;
  readonly shard: string;
  readonly purpose: string;
  readonly busyPatienceMs: number;
  readonly signal: AbortSignal | undefined;
  /** As SessionOptions have it. */
  readonly timeoutMs?: number;
}

/** Gives the shard to `body` and always lets go of it. @throws SHARD_BUSY, SHARD_UNREACHABLE. */
export async function withShard<Result>(
  options: OpeningOptions,
  body: (open: OpenShard) => Promise<Result>,
): Promise<Result> {
  const { timeoutMs } = options;
  const limit = timeoutMs === undefined ? {} : { timeoutMs };
  const session = await connect(options.url, options.purpose, limit);
  try {
    const pid = await prepareSession(session);
    await lockShard(session, options.shard, options.busyPatienceMs);
    return await withCancel(options, pid, () => body({ session, pid }));
  } finally {
    await session.end().catch(() => {});
  }
}

async function prepareSession(session: Session): Promise<number> {
  // Settings that this server's version does not know drop out by the join.
  const [row] = await session.query<{ pid: number }>(
    `select pg_catalog.pg_backend_pid() as pid, count(pg_catalog.set_config(s.name, v.value, false))
     from unnest($1::text[], $2::text[]) as v (name, value)
     join pg_catalog.pg_settings s on s.name = v.name`,
    [SETTINGS.map(([setting]) => setting), SETTINGS.map(([, value]) => value)],
  );
  // A statement of a runner that was killed ends soon, where the platform can notice (PostgreSQL
  // 14).
  await session.query("set client_connection_check_interval = '1s'").catch(() => {});
  return row?.pid ?? 0;
}

/** While the operator wants to stop, cancels whatever statement the session is in. */
async function withCancel<Result>(
  { url, signal }: OpeningOptions,
  pid: number,
  body: () => Promise<Result>,
): Promise<Result> {
  if (signal === undefined) return body();
  const ended = new AbortController();
  let canceller: Promise<void> | undefined;
  const cancel = () => {
    canceller ??= cancelUntil(ended.signal, url, pid);
  };
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await body();
  } finally {
    signal.removeEventListener('abort', cancel);
    ended.abort();
    await canceller;
  }
}

/** Again and again: a cancel that arrives between two statements has no effect. */
async function cancelUntil(ended: AbortSignal, url: string, pid: number): Promise<void> {
  const pause = (ms: number) => delay(ms, undefined, { signal: ended }).catch(() => {});
  let session: Session | undefined;
  await pause(CANCEL_AFTER_MS);
  try {
    while (!ended.aborted) {
      session ??= await connect(url, 'cancel');
      await session.query('select pg_catalog.pg_cancel_backend($1)', [pid]);
      await pause(CANCEL_EVERY_MS);
    }
  } catch {
    // Without it the run stops at its next look at the signal.
  } finally {
    await session?.end().catch(() => {});
  }
}
