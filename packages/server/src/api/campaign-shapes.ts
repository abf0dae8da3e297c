// Campaigns as the API shows them.

import { VERBS } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import {
  type CampaignRow,
  EVENT_KINDS,
  type EventRow,
  STAGES,
  type StepRow,
} from '../campaigns/campaign.js';
import { CAMPAIGN_STATES, STEP_STATES } from '../campaigns/decide/decide.js';
import { Policy } from '../campaigns/decide/policy.js';
import { MOMENTS } from '../campaigns/hooks/hook-declaration.js';
import type { HookRow } from '../campaigns/hooks/hook-rows.js';
import { isoOf } from './host-shapes.js';
import { Refusal, refusalView } from './matrix-shapes.js';
import { count, id, instant, name, nullable, oneOf } from './shapes.js';

export const GOALS = ['upgraded', 'expanded', 'back'] as const;
export const KINDS = ['server', 'shard'] as const;

const text = () => nullable(Type.String());

export const Exclusion = Type.Object({
  kind: oneOf(KINDS),
  name: Type.String(),
  reason: Type.String(),
  by: Type.String(),
  at: instant(),
});

export const CampaignStep = Type.Object({
  id: Type.String(),
  kind: oneOf(KINDS),
  name: Type.String(),
  action: oneOf(['upgrade', 'downgrade', ...VERBS]),
  batch: Type.Integer({ minimum: 0, description: 'Steps of one batch may go on at once.' }),
  state: oneOf(STEP_STATES),
  attempt: count(),
  ownApproval: nullable(
    Type.Object({ why: Type.String(), approvedBy: text(), approvedAt: nullable(instant()) }),
  ),
  wait: nullable(
    Type.Object({
      why: Type.String(),
      remedy: text(),
      until: nullable(instant()),
      refusals: Type.Array(Refusal),
    }),
  ),
  stages: Type.Array(
    Type.Object({
      stage: oneOf([...STAGES, ...MOMENTS]),
      hook: nullable(Type.String({ description: 'The hook that is called at that moment.' })),
      state: oneOf(['running', 'succeeded', 'failed']),
      job: nullable(id()),
      tries: count(),
      startedAt: instant(),
      endedAt: nullable(instant()),
      againAt: nullable(instant()),
      message: text(),
    }),
  ),
  progress: nullable(
    Type.Object({
      title: Type.String(),
      relation: text(),
      rowsDone: Type.Number(),
      rowsEstimated: Type.Number(),
      rowsPerSecond: Type.Number(),
      secondsLeft: nullable(Type.Number()),
      waitingFor: text(),
    }),
  ),
  healthy: nullable(Type.Boolean()),
  message: text(),
  evidence: Type.Array(Type.String()),
  startedAt: nullable(instant()),
  endedAt: nullable(instant()),
});
export type CampaignStep = Static<typeof CampaignStep>;

const summary = {
  id: id(),
  cluster: Type.Object({ id: id(), name: Type.String() }),
  goal: oneOf(GOALS),
  from: Type.String(),
  to: Type.String(),
  state: oneOf(CAMPAIGN_STATES),
  reason: text(),
  backOf: nullable(id('The campaign that it takes back.')),
  steps: count(),
  done: Type.Integer({ minimum: 0, description: 'Steps that succeeded or were skipped.' }),
  plannedBy: Type.String(),
  plannedAt: instant(),
  approvedBy: text(),
  approvedAt: nullable(instant()),
  startedBy: text(),
  startedAt: nullable(instant()),
  endedAt: nullable(instant()),
};

export const CampaignSummary = Type.Object(summary);
export type CampaignSummary = Static<typeof CampaignSummary>;

export const Campaign = Type.Object({
  ...summary,
  digest: Type.String({ description: 'What an approval of the plan names.' }),
  bundle: Type.String({ description: 'The hash of the bundle.' }),
  policy: Policy,
  excluded: Type.Array(Exclusion),
  plan: Type.Array(CampaignStep, { description: 'Its steps in their order.' }),
});
export type Campaign = Static<typeof Campaign>;

export const CampaignEvent = Type.Object({
  number: Type.String({ description: 'Grows; names a moment of the history.' }),
  at: instant(),
  kind: oneOf(EVENT_KINDS),
  step: text(),
  by: nullable(Type.String({ description: 'Null: the campaign itself.' })),
  message: Type.String(),
  detail: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
  looksOther: Type.Boolean({
    description: 'The matrix is another from here on; `matrix?at=NUMBER` gives it.',
  }),
});
export type CampaignEvent = Static<typeof CampaignEvent>;

export const excludeBody = {
  kind: oneOf(KINDS),
  name: name(),
  reason: Type.String({ minLength: 1, maxLength: 1000 }),
};

export const CampaignPlanned = Type.Object({
  id: nullable(id('Null: nothing is left to do, and there is none.')),
  changed: Type.Boolean({ description: 'False: none was made.' }),
  from: Type.String(),
  to: Type.String(),
});
export type CampaignPlanned = Static<typeof CampaignPlanned>;

/** What became of an act on a campaign. */
export const CampaignActed = Type.Object({
  id: id(),
  changed: Type.Boolean({ description: 'False: it was so already.' }),
});
export type CampaignActed = Static<typeof CampaignActed>;

/** With what a list needs of its cluster and its steps. */
export type ListedCampaign = CampaignRow & {
  readonly cluster_name: string;
  readonly steps: number;
  readonly done: number;
};

export function campaignSummaryOf(row: ListedCampaign): CampaignSummary {
  return {
    ...{ id: row.id, cluster: { id: row.cluster_id, name: row.cluster_name }, goal: row.goal },
    ...{ from: row.from_release, to: row.to_release, state: row.state, reason: row.reason },
    ...{ backOf: row.back_of, steps: row.steps, done: row.done },
    ...{ plannedBy: row.planned_by, plannedAt: row.planned_at.toISOString() },
    ...{ approvedBy: row.approved_by, approvedAt: isoOf(row.approved_at) },
    ...{ startedBy: row.started_by, startedAt: isoOf(row.started_at) },
    endedAt: isoOf(row.ended_at),
  };
}

export function campaignOf(
  row: ListedCampaign,
  steps: readonly StepRow[],
  calls: readonly HookRow[],
): Campaign {
  const { digest, bundle_hash: bundle, policy, excluded } = row;
  return {
    ...campaignSummaryOf(row),
    ...{ digest, bundle, policy, excluded: [...excluded] },
    plan: steps.map((step) => {
      return stepView(
        step,
        calls.filter((call) => call.step === step.id),
      );
    }),
  };
}

function stepView(row: StepRow, calls: readonly HookRow[]): CampaignStep {
  const { wait, own_approval: why } = row;
  return {
    ...{ id: row.id, kind: row.kind, name: row.name, action: row.action, batch: row.batch },
    ...{ state: row.state, attempt: row.attempt },
    ownApproval:
      why === null
        ? null
        : { why, approvedBy: row.approved_by, approvedAt: isoOf(row.approved_at) },
    wait: wait === null ? null : waitView(wait),
    stages: [
      ...calls.filter(({ moment }) => moment === 'before').flatMap(callView),
      ...row.stages.map((stage) => ({ ...stage, hook: null })),
      ...calls.filter(({ moment }) => moment !== 'before').flatMap(callView),
    ],
    ...{ progress: row.progress, healthy: row.is_healthy, message: row.message },
    ...{ evidence: [...(row.evidence ?? [])] },
    ...{ startedAt: isoOf(row.started_at), endedAt: isoOf(row.ended_at) },
  };
}

/** One that was called. */
function callView(row: HookRow): CampaignStep['stages'] {
  const { moment: stage, hook, state, job, tries, message } = row;
  if (row.started_at === null || state === 'waiting' || state === 'dropped') return [];
  const again = state === 'running' && message !== null ? row.next_try_at : null;
  return [
    {
      ...{ stage, hook, state, job, tries: Math.max(1, tries), message },
      ...{ startedAt: row.started_at.toISOString(), endedAt: isoOf(row.ended_at) },
      againAt: isoOf(again),
    },
  ];
}

/** As it was kept: JSON, in which times are texts. */
function waitView({ why, remedy, until, refusals }: NonNullable<StepRow['wait']>) {
  const time = until === null ? null : new Date(until).toISOString();
  return { why, remedy, until: time, refusals: refusals.map(refusalView) };
}

export function eventView(row: EventRow): CampaignEvent {
  const { number, kind, step, by, message, detail, looks_other: looksOther } = row;
  return { number, at: row.at.toISOString(), kind, step, by, message, detail, looksOther };
}
