// Who touches the old tables, as far as locks and statistics show: looked at several times in a
// window.

import type { Session } from '../pg.js';
import type { Sql } from '../sql.js';

export interface TableSet {
  /** Qualified names of the old tables. */
  readonly old: readonly Sql[];
  readonly newSchema: string;
  /** The sequence that each write of the old layout advances; null where there is none. */
  readonly oldWrites: string | null;
}

export interface SessionUse {
  /** `session 4711 (application_name)`. */
  readonly who: string;
  /** It has written the old layout in a transaction that was open; else it only held its locks. */
  readonly has_written: boolean;
}

export interface LayoutUse {
  /** Sessions that held locks on an old table and on none of the new ones, or have written one. */
  readonly sessions: readonly SessionUse[];
  /** Old tables that were scanned, by statistics. */
  readonly scanned: readonly string[];
  /** Rows written that may have scanned old tables by sync or by a foreign key. */
  readonly writes: number;
}

interface Statistics {
  readonly scans: ReadonlyMap<string, number>;
  readonly writes: number;
}

/** `pause` is awaited before each look but the first. */
export async function readLayoutUse(
  session: Session,
  tables: TableSet,
  window: { readonly looks: number; readonly pause: () => Promise<void> },
): Promise<LayoutUse> {
  await flushOwnStatistics(session, window.pause);
  const before = await readStatistics(session, tables);
  const sessions = new Map<number, SessionUse>();
  for (let look = 0; look <= window.looks; look += 1) {
    if (look > 0) await window.pause();
    for (const { pid, ...use } of await readSessions(session, tables)) sessions.set(pid, use);
  }
  const after = await readStatistics(session, tables);
  const scanned = [...after.scans].filter(
    ([table, scans]) => scans > (before.scans.get(table) ?? 0),
  );
  return {
    sessions: [...sessions.values()],
    scanned: scanned.map(([table]) => table),
    writes: after.writes - before.writes,
  };
}

/**
 * Verify, which may have just run in this session, has scanned the old tables too: its counts must
 * be in before the window opens. Before PostgreSQL 15 a session reports by itself after half a
 * second.
 */
async function flushOwnStatistics(session: Session, pause: () => Promise<void>): Promise<void> {
  const [row] = await session.query<{ can_flush: boolean }>(
    "select to_regproc('pg_catalog.pg_stat_force_next_flush') is not null as can_flush",
  );
  if (row?.can_flush) await session.query('select pg_catalog.pg_stat_force_next_flush()');
  else for (let look = 0; look < 3; look += 1) await pause();
  await session.query('select 1');
}

/**
 * Vacuum and concurrent index builds (SHARE UPDATE EXCLUSIVE) are nobody's use of a table. Locks on
 * the tables do not tell a writer of the old layout from one of the new, since sync writes both;
 * but only the old layout's triggers advance the sequence, whose lock lasts until the transaction
 * ends.
 */
async function readSessions(session: Session, tables: TableSet) {
  return session.query<SessionUse & { pid: number }>(
    `with held as (
       select l.pid,
              bool_or(l.relation = any($1::text[]::regclass[]::oid[])) as holds_old,
              bool_or(n.nspname = $2) as holds_new,
              bool_or(l.mode = 'RowExclusiveLock' and l.relation = to_regclass($3)::oid)
                as has_written
       from pg_catalog.pg_locks l
       join pg_catalog.pg_class c on c.oid = l.relation
       join pg_catalog.pg_namespace n on n.oid = c.relnamespace
       where l.locktype = 'relation' and l.granted
         and l.database = (
           select oid from pg_catalog.pg_database where datname = current_database()
         )
         and l.mode <> 'ShareUpdateExclusiveLock'
         and l.pid <> pg_catalog.pg_backend_pid()
       group by l.pid
     )
     select h.pid, coalesce(h.has_written, false) as has_written,
            'session ' || h.pid
              || coalesce(' (' || nullif(a.application_name, '') || ')', '') as who
     from held h
     left join pg_catalog.pg_stat_activity a on a.pid = h.pid
     where (h.holds_old and not h.holds_new or h.has_written)
       and a.backend_type is distinct from 'autovacuum worker'
       and coalesce(a.application_name, '') not like 'halflap/%'
     order by h.pid`,
    [tables.old.map(({ text }) => text), tables.newSchema, tables.oldWrites],
  );
}

async function readStatistics(session: Session, tables: TableSet): Promise<Statistics> {
  const old = tables.old.map(({ text }) => text);
  const scans = await session.query<{ relation: string; scans: number }>(
    `select relid::regclass::text as relation,
            (seq_scan + coalesce(idx_scan, 0))::float8 as scans
     from pg_catalog.pg_stat_all_tables
     where relid = any($1::text[]::regclass[]::oid[])`,
    [old],
  );
  // A foreign key that points to an old table makes writes of the pointing table look it up.
  const [row] = await session.query<{ writes: number }>(
    `select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::float8 as writes
     from pg_catalog.pg_stat_all_tables
     where schemaname = $2
        or relid in (
          select conrelid from pg_catalog.pg_constraint
          where contype = 'f' and confrelid = any($1::text[]::regclass[]::oid[])
        )`,
    [old, tables.newSchema],
  );
  return {
    scans: new Map(scans.map((one) => [one.relation, one.scans])),
    writes: row?.writes ?? 0,
  };
}
