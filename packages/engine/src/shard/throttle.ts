// Is the database under strain while we fill it? A second session looks ten times a second: how
// far the slowest standby is behind, who waits for a lock of ours, and how many sessions wait at
// all.

import { setTimeout as delay } from 'node:timers/promises';
import { connect, messageOf, type Session } from '../pg.js';
import type { Limits } from './limits.js';
import type { Run } from './run.js';

export interface Strain {
  /** Null where no standby is attached, or where this role may not see it. */
  readonly lagMs: number | null;
  /** Sessions of this database that wait for a lock. */
  readonly waiting: number;
  /** Those of them that wait for a lock of ours. */
  readonly behindUs: number;
}

export interface Throttle {
  /** The newest look. */
  strain(): Strain;
  /** True once for each look in which somebody waited behind us. */
  takeShrink(): boolean;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 100;
const CALM: Strain = { lagMs: null, waiting: 0, behindUs: 0 };

/** Starts looking; where no second session can be had, it says so once and reports calm. */
export async function startThrottle(run: Run): Promise<Throttle> {
  const stopping = new AbortController();
  let latest = CALM;
  let shouldShrink = false;
  const watching = watch(run, stopping.signal, (strain) => {
    latest = strain;
    if (strain.behindUs > 0) shouldShrink = true;
  });
  return {
    strain: () => latest,
    takeShrink: () => {
      const answer = shouldShrink;
      shouldShrink = false;
      return answer;
    },
    stop: () => {
      stopping.abort();
      return watching;
    },
  };
}

/** What backfill must wait for, in words; null when it may go on. */
export function reasonToWait(strain: Strain, limits: Limits): string | null {
  if (strain.lagMs !== null && strain.lagMs > limits.lagMs) {
    return `replication: a standby is ${(strain.lagMs / 1000).toFixed(1)} s behind`;
  }
  if (strain.waiting > limits.waitingSessions) {
    return `lock waits: ${strain.waiting} sessions of the database wait for locks`;
  }
  return null;
}

async function watch(run: Run, signal: AbortSignal, tell: (strain: Strain) => void) {
  let session: Session | undefined;
  try {
    session = await connect(run.url, 'throttle');
    while (!signal.aborted) {
      tell(await look(session, run.pid));
      await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  } catch (error) {
    tell(CALM);
    if (!signal.aborted) run.log(`backfill goes on unthrottled: ${messageOf(error)}`);
  } finally {
    await session?.end().catch(() => {});
  }
}

async function look(session: Session, pid: number): Promise<Strain> {
  const [row] = await session.query<{ lag_ms: number | null; waiting: number; behind_us: number }>(
    `select
       (select (extract(epoch from max(replay_lag)) * 1000)::float8
        from pg_catalog.pg_stat_replication) as lag_ms,
       count(*)::int as waiting,
       (count(*) filter (where $1 = any(pg_catalog.pg_blocking_pids(w.pid))))::int as behind_us
     from (
       select distinct l.pid
       from pg_catalog.pg_locks l
       join pg_catalog.pg_stat_activity a on a.pid = l.pid
       where not l.granted and l.pid <> $1 and a.datname = current_database()
     ) w`,
    [pid],
  );
  if (row === undefined) return CALM;
  return { lagMs: row.lag_ms, waiting: row.waiting, behindUs: row.behind_us };
}
