// All that one shard says of itself, for people who look at it: where it stands, how far each table
// is filled and compared, who works with it, what is in quarantine and beside. Reads only, takes no
// lock, and has its time.

import type { Bundle } from '../compile/bundle.js';
import { type Session, withReading } from '../pg.js';
import { type LiveServer, readFeatureFacts } from './feature-facts.js';
import { unreadable } from './fleet.js';
import { readStaleVerify } from './freshness.js';
import { LIMITS } from './limits.js';
import { readSpill, type Spill } from './spill.js';
import { readStatus, type ShardStatus } from './status.js';

/** How far a table is filled, or compared. */
export interface TableWork {
  readonly step: string;
  readonly kind: 'backfill' | 'verify';
  readonly relation: string;
  readonly rowsDone: number;
  readonly rowsEstimated: number;
  /** Keys that differed when it was compared last. */
  readonly differences: number;
  readonly isDone: boolean;
  readonly startedAt: Date;
  readonly updatedAt: Date;
  /** The first keys that differ, each with both sides. */
  readonly evidence: readonly string[];
  readonly waitingFor: string | null;
  readonly error: string | null;
}

export interface QuarantineOf {
  readonly relation: string;
  readonly rows: number;
  readonly since: Date;
}

export interface ShardDetail {
  readonly status: ShardStatus;
  /** Contract may trust the last verify. */
  readonly isVerified: boolean;
  /** Of the evolution under way, in the order in which they began. */
  readonly work: readonly TableWork[];
  /** Those with a lease, and what they say of themselves. */
  readonly servers: readonly LiveServer[];
  readonly quarantine: readonly QuarantineOf[];
  readonly spill: readonly Spill[];
}

/** Rows of each list that are told. */
const TOLD = 200;

/** A bundle by its hash; null where the caller has none. */
export type BundleOf = (hash: string) => Promise<Bundle | null>;

/**
 * Never throws for what the shard is or is not; the status says it.
 * @param bundleOf asked while an evolution is under way, by the hash that the shard names
 * @param timeoutMs for the connection, and for each statement
 */
export async function readShardDetail(
  url: string,
  bundleOf: BundleOf,
  timeoutMs: number,
): Promise<ShardDetail> {
  try {
    return await withReading(url, 'detail', (session) => readDetail(session, bundleOf), {
      timeoutMs,
    });
  } catch (error) {
    return { ...NOTHING, status: unreadable(error) };
  }
}

const NOTHING = { isVerified: false, work: [], servers: [], quarantine: [], spill: [] } as const;

async function readDetail(session: Session, bundleOf: BundleOf): Promise<ShardDetail> {
  const status = await readStatus(session);
  const { state } = status;
  if (state === null) return { ...NOTHING, status };
  const { bundle_hash: hash, phase } = state;
  const bundle = hash === null ? null : await bundleOf(hash);
  const isDual = phase === 'dual' && bundle !== null;
  const stale = isDual ? await readStaleVerify(session, bundle, LIMITS.verifyFreshMs) : [];
  return {
    status,
    isVerified: isDual && stale.length === 0,
    work: await readWork(session),
    servers: (await readFeatureFacts(session)).servers,
    quarantine: await session.query<QuarantineOf>(
      `select relation, count(*)::int as rows, min(noticed_at) as since
       from halflap.quarantine group by relation order by relation limit ${TOLD}`,
    ),
    spill: await readSpill(session, state, bundle),
  };
}

interface WorkRow extends Omit<TableWork, 'kind' | 'evidence' | 'waitingFor' | 'error'> {
  readonly detail: {
    readonly evidence?: unknown;
    readonly waitingFor?: string;
    readonly error?: string;
  } | null;
}

async function readWork(session: Session): Promise<TableWork[]> {
  const rows = await session.query<WorkRow>(
    `select p.step, p.relation, p.rows_done::float8 as "rowsDone",
            p.rows_estimated::float8 as "rowsEstimated", p.differences::int as differences,
            p.is_done as "isDone", p.started_at as "startedAt", p.updated_at as "updatedAt",
            j.detail
     from halflap.progress p
     cross join halflap.shard s
     left join halflap.journal j on j.attempt = s.attempt and j.step = p.step
     order by p.started_at, p.step limit ${TOLD}`,
  );
  return rows.map(({ detail, ...row }) => ({
    ...row,
    kind: /^(?:expand\/)?verify\//.test(row.step) ? 'verify' : 'backfill',
    evidence: textsIn(detail?.evidence),
    waitingFor: detail?.waitingFor ?? null,
    error: detail?.error ?? null,
  }));
}

function textsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
