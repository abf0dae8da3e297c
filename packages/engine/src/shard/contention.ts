// Tries a piece of work again while the only thing in its way is a lock of somebody else: capped,
// with jittered pauses, so that clients get their turn between two attempts.
//
// Invariant: only lock_not_available, deadlocks and serialization failures are tried again.

import type { HalflapError } from '@halflap/protocol';
import { type Session, SQLSTATE, sqlStateOf } from '../pg.js';
import { ageText } from './age.js';
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
  readonly onContention?: (attempts: number, cause: unknown) => void;
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
      work.onContention?.(attempts, error);
      const longestMs = work.longestPauseMs ?? run.limits.lockPauseMs;
      await rest(run, pauseMs(attempts, longestMs, Math.random()));
    }
  }
}

export function isContention(error: unknown): boolean {
  return CONTENTION.has(sqlStateOf(error) ?? '');
}

/**
 * The pause after so many attempts: between half and the whole of an exponential one, as `chance`
 * has it (0 to 1), so that the runners of two shards of a server never march in step.
 */
export function pauseMs(attempts: number, longestMs: number, chance: number): number {
  const whole = Math.min(longestMs, FIRST_PAUSE_MS * 2 ** Math.min(attempts - 1, 20));
  return whole * (0.5 + chance / 2);
}

interface BlockerRow {
  readonly who: string;
  /** The name that the session gave itself, or what kind of process of the server it is. */
  readonly application: string | null;
  readonly state: string | null;
  readonly age_seconds: number | null;
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
  // A prepared transaction has no process; the lock on its own number tells which it is.
  const rows = await session.query<BlockerRow>(
    `select coalesce('prepared transaction ' || p.gid, 'session ' || l.pid, 'somebody') as who,
            coalesce(nullif(a.application_name, ''), nullif(a.backend_type, 'client backend'))
              as application,
            case
              when p.gid is not null then 'prepared'
              when a.backend_type <> 'client backend' then 'active'
              else a.state
            end as state,
            extract(epoch from clock_timestamp() - coalesce(p.prepared, a.xact_start))::float8
              as age_seconds,
            string_agg(distinct l.mode, ', ') as modes
     from pg_catalog.pg_locks l
     left join pg_catalog.pg_stat_activity a on a.pid = l.pid
     left join pg_catalog.pg_locks own
       on l.pid is null and own.pid is null and own.locktype = 'transactionid'
       and own.virtualtransaction = l.virtualtransaction
     left join pg_catalog.pg_prepared_xacts p on p.transaction = own.transactionid
     where l.granted and l.pid is distinct from $1 and l.locktype = 'relation'
       and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
       and l.relation >= 16384
       and (to_regclass($2) is null or l.relation = to_regclass($2)::oid)
     group by who, application, 3, coalesce(p.prepared, a.xact_start)
     order by coalesce(p.prepared, a.xact_start) nulls last, who
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
  const application = row.application === null ? '' : ` (${row.application})`;
  const state = row.state ?? 'state not visible to this role';
  const seconds = row.age_seconds;
  const age = seconds === null ? '' : `, transaction open for ${ageText(seconds)}`;
  return `${row.who}${application}: ${state}${age}, holds ${row.modes}`;
}
