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

export interface RunnerRow {
  readonly pid: number;
  readonly application_name: string | null;
  /** Null for a socket of the machine itself, and where this role may not see it. */
  readonly address: string | null;
}

/** A query for the session that holds the runner's lock: no row, or a RunnerRow. */
export const RUNNER = `select l.pid, a.application_name, host(a.client_addr) as address
  from pg_catalog.pg_locks as l
  left join lateral pg_catalog.pg_stat_get_activity(l.pid) as a on true
  where l.granted and l.locktype = 'advisory' and l.objsubid = 1
    and l.classid = ${RUNNER_LOCK.high}::oid and l.objid = ${RUNNER_LOCK.low}::oid
    and l.database = (
      select oid from pg_catalog.pg_database where datname = current_database()
    )`;

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

async function readRunner(session: Session): Promise<string | null> {
  const [row] = await session.query<RunnerRow>(RUNNER);
  return row === undefined ? null : runnerText(row);
}

/** The session that holds the runner's lock: `halflap/expand/sync, session 4711 from 10.0.0.7`. */
export function runnerText({ pid, application_name, address }: RunnerRow): string {
  const from = address === null ? '' : ` from ${address}`;
  return `${application_name || 'a session without a name'}, session ${pid}${from}`;
}

export interface FoundState {
  readonly min_reader: number | null;
  readonly state: (Omit<ShardState, 'changed_at'> & { readonly changed_at: string }) | null;
}

/** Whether Halflap was here. */
export async function hasState(session: Session): Promise<boolean> {
  const [found] = await session.query<{ has_state: boolean }>(
    "select to_regclass('halflap.shard') is not null as has_state",
  );
  return found?.has_state === true;
}

/** Columns of a FoundState: the row as a whole, since a newer format may have others. */
export const STATE = `(select max(min_reader)::int from halflap.format) as min_reader,
  (select to_jsonb(s) - 'singleton' from halflap.shard as s) as state`;

/** Null where Halflap never was. @throws SHARD_FORMAT when a newer Halflap wrote the state. */
export async function readState(session: Session, shard: string): Promise<ShardState | null> {
  if (!(await hasState(session))) return null;
  const [row] = await session.query<FoundState>(`select ${STATE}`);
  return row === undefined ? null : stateOf(row, shard);
}

/** @throws SHARD_FORMAT when a newer Halflap wrote it. */
export function stateOf({ min_reader, state }: FoundState, shard: string): ShardState | null {
  assertFormat(min_reader ?? 0, shard);
  return state === null ? null : { ...state, changed_at: new Date(state.changed_at) };
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

function assertFormat(wanted: number, shard: string): void {
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
