// Tries rows in quarantine again because somebody asks for it, beside no verb: what stood in the
// way of a row may be gone without the row having been written since. What verify does with all of
// them (retry.ts), bounded in number and time.
//
// Invariant: holds the runner's lock, so that it never works beside a verb; takes no row away that
// was not carried.

import { HalflapError } from '@halflap/protocol';
import type { Bundle } from '../compile/bundle.js';
import { type Session, sqlStateOf } from '../pg.js';
import { trusted } from '../sql.js';
import { isContention } from './contention.js';
import { failureOf } from './failure.js';
import { assertFilled, fillFloor, readFloorTables } from './holes.js';
import { LIMITS } from './limits.js';
import { withShard } from './opening.js';
import { evolutionName } from './run.js';
import { releasePath, withSettings } from './settings.js';
import { readState } from './state.js';

export interface RetryRows {
  readonly url: string;
  readonly shard: string;
  /** That of the evolution under way. */
  readonly bundle: Bundle;
  /** Rows by their ids; null: the oldest. */
  readonly ids: readonly string[] | null;
  /** The most rows that are tried. */
  readonly most: number;
  /** For the connection, and for each row; after so long no further row is begun either, in ms. */
  readonly timeoutMs: number;
}

export interface RowsRetried {
  readonly tried: number;
  /** Of those: they have left quarantine. */
  readonly carried: number;
  /** Rows that are in quarantine now, tried or not. */
  readonly left: number;
}

/** PostgreSQL has ended a statement that took too long. */
const TOO_LONG = '57014';

/**
 * Idempotent. Rows of tables that both releases share are not tried: the next verify looks at them.
 * @throws SHARD_BUSY while a verb runs; SHARD_UNREACHABLE; SHARD_UNKNOWN; PHASE_REFUSED unless the
 * new layout fills or is filled; EVOLUTION_MISMATCH
 */
export function retryRows(options: RetryRows): Promise<RowsRetried> {
  const { url, shard, bundle, timeoutMs } = options;
  const { busyPatienceMs, batchLockTimeoutMs } = LIMITS;
  const opening = { url, shard, purpose: 'quarantine', busyPatienceMs, signal: undefined };
  return withShard({ ...opening, timeoutMs }, async ({ session }) => {
    await assertFits(session, options);
    const settings = {
      search_path: releasePath(bundle),
      lock_timeout: `${batchLockTimeoutMs}ms`,
      statement_timeout: `${Math.ceil(timeoutMs)}ms`,
    };
    return withSettings(session, settings, () => retryAll(session, options));
  }).catch((error: unknown) => {
    throw failureOf({ shard, verb: 'verify', signal: undefined }, null, error);
  });
}

async function assertFits(session: Session, { shard, bundle }: RetryRows): Promise<void> {
  const state = await readState(session, shard);
  if (state === null) {
    throw new HalflapError('SHARD_UNKNOWN', `Halflap does not know shard ${shard} yet`, {
      ...{ detail: { shard }, hint: `halflap prepare --shard ${shard}` },
    });
  }
  const { phase, bundle_hash: hash } = state;
  if (phase !== 'expanding' && phase !== 'dual') {
    throw new HalflapError('PHASE_REFUSED', `shard ${shard} is ${phase}: no row is carried there`, {
      ...{ detail: { shard }, hint: 'rows are carried while a shard is expanding or dual' },
    });
  }
  if (hash === bundle.hash) return;
  throw new HalflapError(
    'EVOLUTION_MISMATCH',
    `shard ${shard} is led by bundle ${hash?.slice(0, 12)}, not by ${bundle.hash.slice(0, 12)}`,
    { detail: { shard }, hint: 'name the bundle that the evolution began with' },
  );
}

type Waiting = { readonly id: string; readonly relation: string };

async function retryAll(session: Session, options: RetryRows): Promise<RowsRetried> {
  const statements = await statementsOf(session, options.bundle);
  const rows = await session.query<Waiting>(
    `select id::text, relation from halflap.quarantine
     where evolution = $1 and relation = any ($2::text[])
       and ($3::bigint[] is null or id = any ($3::bigint[]))
     order by halflap.quarantine.id limit $4`,
    [evolutionName(options.bundle), [...statements.keys()], options.ids, options.most],
  );
  const end = performance.now() + options.timeoutMs;
  const tried: string[] = [];
  for (const { id, relation } of rows) {
    if (performance.now() > end) break;
    tried.push(id);
    await carry(session, statements.get(relation) ?? '', id);
  }
  const [counted] = await session.query<{ tried: number; all: number }>(
    `select count(*) filter (where id = any ($1::bigint[]))::int as tried, count(*)::int as all
     from halflap.quarantine`,
    [tried],
  );
  const stayed = counted?.tried ?? 0;
  return { tried: tried.length, carried: tried.length - stayed, left: counted?.all ?? 0 };
}

/** How a row of a relation is carried, by the relation. */
async function statementsOf(session: Session, bundle: Bundle): Promise<Map<string, string>> {
  const floor = await readFloorTables(session, bundle);
  return new Map(
    bundle.steps.verify.flatMap(({ id, retry }) => {
      if (retry === null) return [];
      return [[retry.relation, trusted(assertFilled(fillFloor(retry.sql, floor), id)).text]];
    }),
  );
}

/** One that somebody holds, or that takes too long, stays where it is. */
async function carry(session: Session, text: string, id: string): Promise<void> {
  try {
    await session.query(text, [id]);
  } catch (error) {
    if (!isContention(error) && sqlStateOf(error) !== TOO_LONG) throw error;
  }
}
