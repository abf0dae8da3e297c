// Where one shard stands, over an open session. Whoever watches a hundred shards asks each of them
// several times a second, so all of it is read by one statement.

import {
  applicationName,
  type FeatureRow,
  HalflapError,
  type LeaseRow,
  sessionOwner,
  type Verb,
} from '@halflap/protocol';
import type { Session } from '../pg.js';
import {
  type FoundState,
  hasState,
  RUNNER,
  type RunnerRow,
  readState,
  runnerText,
  type ShardState,
  STATE,
  stateOf,
} from './state.js';

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
  readonly started_at: string;
  readonly detail: { readonly waitingFor?: string; readonly error?: string };
  readonly relation: string | null;
  readonly rows_done: number | null;
  readonly rows_estimated: number | null;
}

/** A live lease, without names of its columns, which are the longer part; times in ms. */
type LeaseCells = readonly [
  instance: string,
  server: string,
  release: string,
  mode: LeaseRow['mode'],
  renewedAt: number,
  expiresAt: number,
];

interface StatusRow extends FoundState {
  readonly runner: RunnerRow | null;
  readonly running: StepRow | null;
  readonly leases: readonly LeaseCells[];
  readonly names: readonly string[];
  readonly features: readonly (Omit<FeatureRow, 'changed_at'> & { readonly changed_at: string })[];
  readonly quarantined: number;
  readonly differences: number;
}

/** How errors name the shard: whoever asks knows which it is. */
const WHICH = 'of this url';

/** Of a shard of which nothing is known. */
export const NOTHING: ShardStatus = {
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

/**
 * Running is the newest step of the attempt under way that is not finished. Programs that work
 * without the client name their sessions: docs/client.md.
 */
const STATUS = `select ${STATE},
  (select to_jsonb(r) from (${RUNNER}) as r limit 1) as runner,
  (
    select to_jsonb(r) from (
      select j.verb, j.step, j.runner, j.started_at, j.detail, p.relation, p.rows_done,
             p.rows_estimated
      from halflap.journal as j
      join halflap.shard as s on s.attempt = j.attempt
      left join halflap.progress as p on p.step = j.step
      where j.finished_at is null
      order by j.started_at desc limit 1
    ) as r
  ) as running,
  (
    select coalesce(json_agg(json_build_array(
      instance, server, release, mode,
      extract(epoch from renewed_at) * 1000, extract(epoch from expires_at) * 1000
    ) order by server, instance), '[]')
    from halflap.lease where expires_at > clock_timestamp()
  ) as leases,
  (
    select coalesce(json_agg(distinct a.application_name), '[]')
    from pg_catalog.pg_stat_get_activity(null) as a
    where strpos(a.application_name, (select '/' || app || '@' from halflap.shard)) > 1
      and a.datid = (
      select oid from pg_catalog.pg_database where datname = current_database()
    )
  ) as names,
  (
    select coalesce(jsonb_agg(to_jsonb(f) order by f.name), '[]') from halflap.feature as f
  ) as features,
  (select count(*)::int from halflap.quarantine) as quarantined,
  (select coalesce(sum(differences), 0)::int from halflap.progress) as differences`;

/** Where the shard of an open session stands. @throws SHARD_FORMAT and PostgreSQL's errors. */
export async function readStatus(session: Session): Promise<ShardStatus> {
  if (!(await hasState(session))) return NOTHING;
  const [row] = await session
    .query<StatusRow>(STATUS)
    .catch((error) => throwFormat(session, error));
  const state = row === undefined ? null : stateOf(row, WHICH);
  if (row === undefined || state === null) return NOTHING;
  const runner = row.runner === null ? null : runnerText(row.runner);
  const leases = row.leases.map(leaseOf);
  return {
    ...NOTHING,
    state,
    runner,
    running: row.running === null ? null : runningOf(row.running),
    leases,
    sessions: sessionsOf(row.names, state.app, leases),
    features: row.features.map((one) => ({ ...one, changed_at: new Date(one.changed_at) })),
    quarantined: row.quarantined,
    differences: row.differences,
    blocked: blockedBy(state, row.running, runner),
  };
}

/** A newer format may lack what the statement asks for: then the format is what is wrong. */
async function throwFormat(session: Session, error: unknown): Promise<never> {
  await readState(session, WHICH).catch((cause) => {
    if (cause instanceof HalflapError) throw cause;
  });
  throw error;
}

function leaseOf([instance, server, release, mode, renewedAt, expiresAt]: LeaseCells): LeaseRow {
  const times = { renewed_at: new Date(renewedAt), expires_at: new Date(expiresAt) };
  return { instance, server, release, mode, ...times };
}

function sessionsOf(
  names: readonly string[],
  app: string,
  leases: readonly LeaseRow[],
): SessionSeen[] {
  if (names.length === 0) return [];
  const known = new Set(
    leases.map(({ server, release }) => applicationName({ server, app, release })),
  );
  return names.flatMap((name) => {
    const owner = known.has(name) ? undefined : sessionOwner(name, app);
    return owner === undefined ? [] : [{ server: owner.server, release: owner.release }];
  });
}

function runningOf(row: StepRow): RunningStep {
  return {
    verb: row.verb,
    step: row.step,
    runner: row.runner,
    startedAt: new Date(row.started_at),
    relation: row.relation,
    rowsDone: row.rows_done ?? 0,
    rowsEstimated: row.rows_estimated ?? 0,
  };
}

function blockedBy(state: ShardState, step: StepRow | null, runner: string | null) {
  if (state.paused) return 'paused by an operator';
  if (step === null) {
    const isReturning = state.phase !== 'settled' && state.ceiling === state.floor;
    return isReturning && runner === null ? 'an abort is not finished: run abort again' : null;
  }
  if (runner !== null) return step.detail.waitingFor ?? null;
  const { error } = step.detail;
  // Stopped on request is no reason that stands in the way any more.
  if (error !== undefined && !/^(PAUSED|INTERRUPTED):/.test(error)) return error;
  return `interrupted in step ${step.step}: run ${step.verb} again`;
}
