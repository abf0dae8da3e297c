// Where every shard stands, for people who watch: reads only, takes no lock, never fails for one
// shard.

import {
  applicationName,
  type FeatureRow,
  HalflapError,
  type LeaseRow,
  type Phase,
  sessionOwner,
  type Verb,
} from '@halflap/protocol';
import type { Bundle } from '../compile/bundle.js';
import { messageOf, type Session, withSession } from '../pg.js';
import { readFeatureFacts } from './feature-facts.js';
import { readStaleVerify } from './freshness.js';
import { LIMITS } from './limits.js';
import { readRunner, readState, type ShardState } from './state.js';

export interface RunningStep {
  readonly verb: Verb;
  readonly step: string;
  readonly runner: string;
  readonly startedAt: Date;
  readonly relation: string | null;
  readonly rowsDone: number;
  readonly rowsEstimated: number;
}

/** A server that works without the client, by the name that its sessions have: each once. */
export interface SessionSeen {
  readonly server: string;
  readonly release: string;
}

export interface ShardStatus {
  readonly reachable: boolean;
  /** Why it is not reachable, or not readable; null when all is well. */
  readonly error: string | null;
  /** What to do about the error, where that is known. */
  readonly hint: string | null;
  /** Null where Halflap never was. */
  readonly state: ShardState | null;
  /** The step that has begun and is not finished; null when none is. */
  readonly running: RunningStep | null;
  /** The session that holds the runner's lock; null when nobody works on the shard. */
  readonly runner: string | null;
  /** Live leases only. */
  readonly leases: readonly LeaseRow[];
  /** Of servers that hold no lease of that release: seen by the names of their sessions. */
  readonly sessions: readonly SessionSeen[];
  /** Those that are allowed or enabled here. */
  readonly features: readonly FeatureRow[];
  readonly quarantined: number;
  /** Keys that differed when verify last looked. */
  readonly differences: number;
  /** Why it does not go on, in words; null when it does or need not. */
  readonly blocked: string | null;
}

interface StepRow {
  readonly verb: Verb;
  readonly step: string;
  readonly runner: string;
  readonly started_at: Date;
  readonly detail: { readonly waitingFor?: string; readonly error?: string };
  readonly relation: string | null;
  readonly rows_done: number | null;
  readonly rows_estimated: number | null;
}

const NOTHING: ShardStatus = {
  reachable: true,
  error: null,
  hint: null,
  state: null,
  running: null,
  runner: null,
  leases: [],
  sessions: [],
  features: [],
  quarantined: 0,
  differences: 0,
  blocked: null,
};

/** How to reach a shard, or why nobody can: a secret that is missing, for one. */
export type ShardUrl = string | HalflapError;

/** Never throws for what the shard is or is not; the answer says it. */
export async function readShard(url: ShardUrl): Promise<ShardStatus> {
  if (url instanceof HalflapError) return unreadable(url);
  try {
    return await withSession(url, 'status', readStatus);
  } catch (error) {
    return unreadable(error);
  }
}

/**
 * The same over an open session; with the bundle that leads the shard on also whether contract may
 * trust its last verify. @throws SHARD_FORMAT and PostgreSQL's errors
 */
export async function readKnown(
  session: Session,
  bundle: Bundle | null,
): Promise<ShardStatus & { readonly isVerified: boolean }> {
  const status = await readStatus(session);
  if (bundle === null || status.state?.phase !== 'dual') return { ...status, isVerified: false };
  const stale = await readStaleVerify(session, bundle, LIMITS.verifyFreshMs);
  return { ...status, isVerified: stale.length === 0 };
}

/** What is known of a shard that could not be read. */
export function unreadable(error: unknown): ShardStatus {
  const isOurs = error instanceof HalflapError;
  const isReached = isOurs && !['SHARD_UNREACHABLE', 'CONFIG_INVALID'].includes(error.code);
  const hint = isOurs ? (error.hint ?? null) : null;
  return { ...NOTHING, reachable: isReached, error: messageOf(error), hint };
}

/** All shards at once, in the order given. */
export async function readFleet<Shard extends { readonly url: ShardUrl }>(
  shards: readonly Shard[],
): Promise<readonly { readonly shard: Shard; readonly status: ShardStatus }[]> {
  return Promise.all(shards.map(async (shard) => ({ shard, status: await readShard(shard.url) })));
}

/** The phase, or null where it is not known. */
export function phaseOf(status: ShardStatus): Phase | null {
  return status.state?.phase ?? null;
}

/** Where the shard of an open session stands. @throws SHARD_FORMAT and PostgreSQL's errors. */
export async function readStatus(session: Session): Promise<ShardStatus> {
  const state = await readState(session, 'of this url');
  if (state === null) return NOTHING;
  const runner = await readRunner(session);
  const step = await readRunning(session);
  const [counts] = await session.query<{ quarantined: number; differences: number }>(
    `select (select count(*)::int from halflap.quarantine) as quarantined,
            (select coalesce(sum(differences), 0)::int from halflap.progress) as differences`,
  );
  const leases = await readLeases(session);
  return {
    ...NOTHING,
    state,
    runner,
    running: step === undefined ? null : runningOf(step),
    leases,
    sessions: await readSessions(session, state.app, leases),
    features: (await readFeatureFacts(session)).features,
    quarantined: counts?.quarantined ?? 0,
    differences: counts?.differences ?? 0,
    blocked: blockedBy(state, step, runner),
  };
}

/** The newest step of the attempt under way that is not finished. */
async function readRunning(session: Session): Promise<StepRow | undefined> {
  const [row] = await session.query<StepRow>(
    `select j.verb, j.step, j.runner, j.started_at, j.detail, p.relation,
            p.rows_done::float8 as rows_done, p.rows_estimated::float8 as rows_estimated
     from halflap.journal j
     join halflap.shard s on s.attempt = j.attempt
     left join halflap.progress p on p.step = j.step
     where j.finished_at is null
     order by j.started_at desc limit 1`,
  );
  return row;
}

async function readLeases(session: Session): Promise<LeaseRow[]> {
  return session.query<LeaseRow>(
    `select instance, server, release, mode, renewed_at, expires_at
     from halflap.lease where expires_at > clock_timestamp()
     order by server, instance`,
  );
}

/** Programs that work without the client name their sessions: docs/client.md. */
async function readSessions(
  session: Session,
  app: string,
  leases: readonly LeaseRow[],
): Promise<SessionSeen[]> {
  const rows = await session.query<{ name: string }>(
    `select distinct application_name as name from pg_catalog.pg_stat_activity
     where datname = current_database() and strpos(application_name, $1) > 1
     order by name`,
    [`/${app}@`],
  );
  const known = new Set(
    leases.map(({ server, release }) => applicationName({ server, app, release })),
  );
  return rows.flatMap(({ name }) => {
    const owner = known.has(name) ? undefined : sessionOwner(name, app);
    return owner === undefined ? [] : [{ server: owner.server, release: owner.release }];
  });
}

function runningOf(row: StepRow): RunningStep {
  return {
    verb: row.verb,
    step: row.step,
    runner: row.runner,
    startedAt: row.started_at,
    relation: row.relation,
    rowsDone: row.rows_done ?? 0,
    rowsEstimated: row.rows_estimated ?? 0,
  };
}

function blockedBy(state: ShardState, step: StepRow | undefined, runner: string | null) {
  if (state.paused) return 'paused by an operator';
  if (step === undefined) {
    const isReturning = state.phase !== 'settled' && state.ceiling === state.floor;
    return isReturning && runner === null ? 'an abort is not finished: run abort again' : null;
  }
  if (runner !== null) return step.detail.waitingFor ?? null;
  const { error } = step.detail;
  // Stopped on request is no reason that stands in the way any more.
  if (error !== undefined && !/^(PAUSED|INTERRUPTED):/.test(error)) return error;
  return `interrupted in step ${step.step}: run ${step.verb} again`;
}
