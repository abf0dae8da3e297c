// A campaign as the home shard has it, with its steps and its history.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import type { Queryable } from '../store/leases.js';
import type { Matrix } from './cluster/matrix.js';
import type { Excluded } from './cluster/observe.js';
import type { CampaignState, StepRecord, StepState, Wait } from './decide/decide.js';
import type { Goal } from './decide/plan.js';
import type { Policy } from './decide/policy.js';
import type { Step } from './decide/steps.js';

export type CampaignRow = {
  readonly id: string;
  readonly cluster_id: string;
  readonly goal: Goal;
  readonly from_release: string;
  readonly to_release: string;
  readonly bundle_hash: string;
  readonly policy: Policy;
  readonly servers: readonly BoundServer[];
  readonly excluded: readonly Excluded[];
  readonly digest: string;
  readonly state: CampaignState;
  readonly reason: string | null;
  readonly back_of: string | null;
  readonly planned_by: string;
  readonly planned_at: Date;
  readonly approved_by: string | null;
  readonly approved_at: Date | null;
  readonly started_by: string | null;
  readonly started_at: Date | null;
  /** Or was resumed last. */
  readonly went_on_at: Date | null;
  readonly ended_at: Date | null;
  readonly matrix: Matrix | null;
  readonly seen_at: Date | null;
};

/** A server as it was found when the campaign was planned. */
export interface BoundServer {
  readonly name: string;
  /** The id of its host. */
  readonly host: string | null;
}

/** What a CampaignRow is selected by, of `campaigns as c`. */
export const CAMPAIGN_COLUMNS = `c.id, c.cluster_id, c.goal, c.from_release, c.to_release,
  c.bundle_hash, c.policy, c.servers, c.excluded, c.digest, c.state, c.reason, c.back_of,
  c.planned_by, c.planned_at, c.approved_by, c.approved_at, c.started_by, c.started_at,
  c.went_on_at, c.ended_at, c.matrix, c.seen_at`;

export const STAGES = ['drain', 'upgrade', 'restart', 'register', 'health', 'undrain'] as const;
export type StageName = (typeof STAGES)[number];

/** A part of a server's step. */
export interface Stage {
  readonly stage: StageName;
  readonly state: 'running' | 'succeeded' | 'failed';
  /** The job that does it, the last one where it is tried again; null: it only looks. */
  readonly job: string | null;
  readonly tries: number;
  readonly startedAt: string;
  readonly endedAt: string | null;
  /** When it is tried again; null: it is not. */
  readonly againAt: string | null;
  /** What became of it, for people. */
  readonly message: string | null;
}

/** How far a shard's step is. */
export interface StepProgress {
  readonly title: string;
  readonly relation: string | null;
  readonly rowsDone: number;
  readonly rowsEstimated: number;
  readonly rowsPerSecond: number;
  readonly secondsLeft: number | null;
  /** What it waits for, in words; null while it works. */
  readonly waitingFor: string | null;
}

/** A server that was upgraded is asked for its health as long as it has to hold. */
export interface HealthCheck {
  readonly job: string;
  readonly number: number;
  readonly at: string;
  readonly isOver: boolean;
}

export type StepRow = {
  readonly id: string;
  readonly place: number;
  readonly batch: number;
  readonly kind: Step['kind'];
  readonly name: string;
  readonly action: Step['action'];
  readonly own_approval: string | null;
  readonly approved_by: string | null;
  readonly approved_at: Date | null;
  readonly state: StepState;
  readonly wait: Omit<Wait, 'id'> | null;
  readonly attempt: number;
  readonly is_retried: boolean;
  readonly is_owed: boolean;
  readonly was_running: boolean;
  readonly stages: readonly Stage[];
  readonly progress: StepProgress | null;
  readonly is_healthy: boolean | null;
  readonly health_check: HealthCheck | null;
  readonly message: string | null;
  readonly evidence: readonly string[] | null;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
};

const STEP_COLUMNS = `s.id, s.place, s.batch, s.kind, s.name, s.action, s.own_approval,
  s.approved_by, s.approved_at, s.state, s.wait, s.attempt, s.is_retried, s.is_owed,
  s.was_running, s.stages,
  s.progress, s.is_healthy, s.health_check, s.message, s.evidence, s.started_at, s.ended_at`;

/** @throws API_NOT_FOUND */
export async function readCampaign(on: Queryable, id: string): Promise<CampaignRow> {
  const { rows } = await on.query<CampaignRow>(
    `select ${CAMPAIGN_COLUMNS} from campaigns as c where c.id = $1`,
    [id],
  );
  return foundCampaign(rows[0], id);
}

/** Within a transaction, which nobody changes it besides. @throws API_NOT_FOUND */
export async function lockCampaign(client: ClientBase, id: string): Promise<CampaignRow> {
  const { rows } = await client.query<CampaignRow>(
    `select ${CAMPAIGN_COLUMNS} from campaigns as c where c.id = $1 for update`,
    [id],
  );
  return foundCampaign(rows[0], id);
}

function foundCampaign(row: CampaignRow | undefined, id: string): CampaignRow {
  if (row !== undefined) return row;
  throw new HalflapError('API_NOT_FOUND', `there is no campaign ${id}`, {
    hint: 'look at the list: halflap campaign list',
  });
}

/** In the order of the plan. */
export async function readSteps(on: Queryable, campaign: string): Promise<readonly StepRow[]> {
  const { rows } = await on.query<StepRow>(
    `select ${STEP_COLUMNS} from campaign_steps as s where s.campaign_id = $1 order by s.place`,
    [campaign],
  );
  return rows;
}

export function stepOf({ kind, name, action }: Pick<StepRow, 'kind' | 'name' | 'action'>): Step {
  return { kind, name, action } as Step;
}

/** A row as decisions are made from it. */
export function recordOf(row: StepRow): StepRecord {
  return {
    ...{ id: row.id, step: stepOf(row), batch: row.batch, ownApproval: row.own_approval },
    ...{ state: row.state, startedAt: row.started_at, endedAt: row.ended_at },
    ...{ approvedBy: row.approved_by, isRetried: row.is_retried, isOwed: row.is_owed },
  };
}

export const EVENT_KINDS = [
  ...(['planned', 'approved', 'started', 'paused', 'resumed', 'stopped', 'finished'] as const),
  ...(['cancelled', 'retried', 'skipped', 'excluded'] as const),
  /** The cluster looks otherwise than before. */
  'seen',
  /** A step was seen to be done, or not to be done any more. */
  ...(['found', 'undone'] as const),
  ...(['begun', 'stage', 'log', 'succeeded', 'failed', 'interrupted'] as const),
  /** What became of one. */
  'hook',
  /** Why nothing begins. */
  'waits',
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export interface CampaignEvent {
  readonly kind: EventKind;
  readonly step?: string;
  /** Who; without: the campaign itself. */
  readonly by?: string;
  readonly message: string;
  readonly detail?: object;
  readonly matrix?: Matrix;
}

export type EventRow = {
  /** A bigint as text. */
  readonly number: string;
  readonly at: Date;
  readonly kind: EventKind;
  readonly step: string | null;
  readonly by: string | null;
  readonly message: string;
  readonly detail: object;
  /** It has a matrix. */
  readonly looks_other: boolean;
};

const MESSAGE_LENGTH = 4000;

/** Within the transaction that does what it tells. */
export async function noteEvent(
  on: Queryable,
  campaign: string,
  { kind, step, by, message, detail = {}, matrix }: CampaignEvent,
): Promise<void> {
  await on.query(
    `insert into campaign_events (campaign_id, kind, step, by, message, detail, matrix)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      ...[campaign, kind, step ?? null, by ?? null, message.slice(0, MESSAGE_LENGTH)],
      ...[JSON.stringify(detail), matrix === undefined ? null : JSON.stringify(matrix)],
    ],
  );
}

/** In their order, those after a number. */
export async function readEvents(
  on: Queryable,
  campaign: string,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<readonly EventRow[]> {
  const { rows } = await on.query<EventRow>(
    `select e.number::text as number, e.at, e.kind, e.step, e.by, e.message, e.detail,
       e.matrix is not null as looks_other
     from campaign_events as e
     where e.campaign_id = $1 and e.number > $2::bigint
     order by e.number limit $3`,
    [campaign, after, limit],
  );
  return rows;
}

/** The cluster as it was at a moment of the history; null before the first. */
export async function readMatrixAt(
  on: Queryable,
  campaign: string,
  number: string,
): Promise<{ readonly matrix: Matrix; readonly at: Date } | null> {
  const { rows } = await on.query<{ matrix: Matrix; at: Date }>(
    `select e.matrix, e.at from campaign_events as e
     where e.campaign_id = $1 and e.number <= $2::bigint and e.matrix is not null
     order by e.number desc limit 1`,
    [campaign, number],
  );
  return rows[0] ?? null;
}

/** The cluster as it was when the campaign was planned. */
export async function readFirstMatrix(
  on: Queryable,
  campaign: string,
): Promise<{ readonly matrix: Matrix; readonly at: Date } | null> {
  const { rows } = await on.query<{ matrix: Matrix; at: Date }>(
    `select e.matrix, e.at from campaign_events as e
     where e.campaign_id = $1 and e.matrix is not null
     order by e.number limit 1`,
    [campaign],
  );
  return rows[0] ?? null;
}

/** The lease by which one server drives it. */
export function campaignLease(id: string): string {
  return `campaign/${id}`;
}
