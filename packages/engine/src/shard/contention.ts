// Tries a piece of work again while the only thing in its way is a lock of somebody else: capped,
// with jittered pauses, so that clients get their turn between two attempts.
//
// Invariant: only lock_not_available, deadlocks and serialization failures are tried again.

import type { HalflapError } from '@halflap/protocol';
import { type Session, SQLSTATE, sqlStateOf } from '../pg.js';
import { type Run, rest } from './run.js';

const CONTENTION: ReadonlySet<string> = new Set([
  SQLSTATE.lockNotAvailable,
  SQLSTATE.deadlockDetected,
  SQLSTATE.serializationFailure,
]);

/** First pause; doubles up to the limit. A little more than a short transaction of a client. */
const FIRST_PAUSE_MS = 10;

export interface Contended<Result> {
  readonly attempt: () => Promise<Result>;
  /** The error to throw once patience is exhausted. */
  readonly giveUp: (cause: unknown, attempts: number) => Promise<HalflapError>;
  readonly onContention?: (attempts: number) => void;
  /** The longest pause between two attempts, in ms; default: lockPauseMs. */
  readonly longestPauseMs?: number;
}

/** @throws what `giveUp` gives when the attempts are used up; INTERRUPTED. */
export async function retryContended<Result>(run: Run, work: Contended<Result>): Promise<Result> {
  const startedAt = performance.now();
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await work.attempt();
    } catch (error) {
      if (!isContention(error)) throw error;
      const isOver =
        attempts >= run.limits.lockAttempts ||
        performance.now() - startedAt > run.limits.lockPatienceMs;
      if (isOver) throw await work.giveUp(error, attempts);
      work.onContention?.(attempts);
      await rest(run, pauseMs(attempts, work.longestPauseMs ?? run.limits.lockPauseMs));
    }
  }
}

export function isContention(error: unknown): boolean {
  return CONTENTION.has(sqlStateOf(error) ?? '');
}

/** Between half and the whole of an exponential pause: two runners never march in step. */
function pauseMs(attempts: number, longestMs: number): number {
  const whole = Math.min(longestMs, FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 20));
  return whole * (0.5 + Math.random() / 2);
}

interface BlockerRow {
  readonly pid: number;
  readonly application_name: string | null;
  readonly state: string | null;
  readonly age: string | null;
  readonly modes: string;
}

/**
 * Who holds locks on the relation (on any relation when it is null or unknown): one line each,
 * oldest transaction first, without the text of any query. Other roles' states need
 * pg_read_all_stats.
 */
export async function describeBlockers(
  session: Session,
  pid: number,
  relation: string | null,
): Promise<string[]> {
  const rows = await session.query<BlockerRow>(
    `select l.pid, a.application_name, a.state,
            to_char(clock_timestamp() - a.xact_start, 'HH24:MI:SS') as age,
            string_agg(distinct l.mode, ', ') as modes
     from pg_catalog.pg_locks l
     left join pg_catalog.pg_stat_activity a on a.pid = l.pid
     where l.granted and l.pid <> $1 and l.locktype = 'relation'
       and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
       and l.relation >= 16384
       and (to_regclass($2) is null or l.relation = to_regclass($2)::oid)
     group by l.pid, a.application_name, a.state, a.xact_start
     order by a.xact_start nulls last, l.pid
     limit 10`,
    [pid, relation],
  );
  return rows.map(blockerLine);
}

/** The same for an error that was met outside a step's own attempts; none for other errors. */
export async function blockersBehind(
  error: unknown,
  { session, pid }: Pick<Run, 'session' | 'pid'>,
): Promise<string[]> {
  if (!isContention(error)) return [];
  // The first error counts, also where the session is of no use any more.
  return describeBlockers(session, pid, null).catch(() => []);
}

function blockerLine(row: BlockerRow): string {
  const application = row.application_name ? ` (${row.application_name})` : '';
  const state = row.state ?? 'state not visible to this role';
  const age = row.age === null ? '' : `, transaction open for ${row.age}`;
  return `session ${row.pid}${application}: ${state}${age}, holds ${row.modes}`;
}
