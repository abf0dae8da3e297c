// Opens the state that a shard keeps about itself: its one row, its format, and the lock that
// makes one runner at a time its master.
//
// Invariant: nothing is written before the format has been found readable.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { HalflapError, type ShardRow, STATE_FORMAT, STATE_SCHEMA } from '@halflap/protocol';
import type { Session } from '../pg.js';
import { literal, name, sql } from '../sql.js';

/** `halflap.shard` as the runner sees it. */
export interface ShardState extends ShardRow {
  readonly fingerprint: string;
  readonly attempt: number;
  readonly batch_rows: number;
  readonly pace_ms: number;
}

/**
 * The session lock that one runner holds: the bytes of "halflap" as a number. Advisory locks
 * belong to a database, so the same number serves every shard of a server.
 */
const RUNNER_LOCK = { key: '29380515780649328', high: 6840684, low: 1718378864 } as const;

interface RunnerRow {
  readonly pid: number;
  readonly application_name: string | null;
  /** Null for a socket of the machine itself, and where this role may not see it. */
  readonly address: string | null;
}

/** The file lies beside the sources, which the package ships; the path is the same from dist. */
const STATE_SQL = new URL('../../src/shard/state.sql', import.meta.url);

/** @throws SHARD_BUSY, naming the holder, when the lock is not free within `patienceMs`. */
export async function lockShard(session: Session, shard: string, patienceMs: number) {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const [row] = await session.query<{ is_mine: boolean }>(
      'select pg_catalog.pg_try_advisory_lock($1::bigint) as is_mine',
      [RUNNER_LOCK.key],
    );
    if (row?.is_mine) return;
    if (performance.now() > deadline) break;
    await delay(50);
  }
  const holder = await readRunner(session);
  const who = holder ?? 'another runner';
  throw new HalflapError('SHARD_BUSY', `shard ${shard} is held by ${who}`, {
    detail: { shard },
    hint: `wait for its end, or stop it: halflap pause --shard ${shard}`,
  });
}

/**
 * The session that holds the runner's lock: `halflap/expand/sync, session 4711 from 10.0.0.7`; null
 * for none.
 */
export async function readRunner(session: Session): Promise<string | null> {
  const [row] = await session.query<RunnerRow>(
    `select l.pid, a.application_name, host(a.client_addr) as address
     from pg_catalog.pg_locks l
     left join pg_catalog.pg_stat_activity a on a.pid = l.pid
     where l.granted and l.locktype = 'advisory' and l.objsubid = 1
       and l.classid = $1::bigint::oid and l.objid = $2::bigint::oid
       and l.database = (
         select oid from pg_catalog.pg_database where datname = current_database()
       )`,
    [RUNNER_LOCK.high, RUNNER_LOCK.low],
  );
  if (row === undefined) return null;
  const from = row.address === null ? '' : ` from ${row.address}`;
  return `${row.application_name || 'a session without a name'}, session ${row.pid}${from}`;
}

/** Null where Halflap never was. @throws SHARD_FORMAT when a newer Halflap wrote the state. */
export async function readState(session: Session, shard: string): Promise<ShardState | null> {
  const [found] = await session.query<{ has_state: boolean }>(
    "select to_regclass('halflap.shard') is not null as has_state",
  );
  if (!found?.has_state) return null;
  await assertFormat(session, shard);
  const [row] = await session.query<ShardState>(
    `select app, floor, ceiling, phase, bundle_hash, fingerprint, paused, batch_rows, pace_ms,
            attempt::int as attempt, changed_at
     from halflap.shard`,
  );
  return row ?? null;
}

/**
 * Makes or completes schema `halflap`; idempotent. The caller gives the transaction. Every verb
 * begins with it, so what is as this version writes it is left alone.
 */
export async function writeStateSchema(session: Session): Promise<void> {
  const text = await readFile(STATE_SQL, 'utf8');
  const mark = createHash('sha256').update(text).digest('hex').slice(0, 16);
  const comment = `State of Halflap: phase, journal, leases, quarantine. Written by ${mark}.`;
  const [found] = await session.query<{ comment: string | null }>(
    `select pg_catalog.obj_description(oid, 'pg_namespace') as comment
     from pg_catalog.pg_namespace
     where nspname = $1`,
    [STATE_SCHEMA],
  );
  if (found?.comment === comment) return;
  // Clients read and renew here all the time; nothing below conflicts with that, and if it did, no
  // client would wait for long.
  await session.query("set local lock_timeout = '1s'");
  await session.query(text);
  await session.query(sql`comment on schema ${name(STATE_SCHEMA)} is ${literal(comment)}`.text);
}

async function assertFormat(session: Session, shard: string): Promise<void> {
  const [row] = await session.query<{ min_reader: number | null }>(
    'select max(min_reader)::int as min_reader from halflap.format',
  );
  const wanted = row?.min_reader ?? 0;
  if (wanted <= STATE_FORMAT) return;
  throw new HalflapError(
    'SHARD_FORMAT',
    `shard ${shard} was written by a newer Halflap: it takes format ${wanted}, ` +
      `this one reads up to ${STATE_FORMAT}`,
    {
      detail: { shard },
      hint: 'run the version of halflap that moved the shard last, or a newer one',
    },
  );
}
