// What people do to campaigns: plan, approve, start, pause, resume, cancel; retry, skip and exclude
// where a step has failed; and go back.

import type { ClientBase } from 'pg';
import { type Static, type TObject, type TSchema, Type } from 'typebox';
import {
  approvePlan,
  approveStep,
  cancelCampaign,
  exclude,
  pauseCampaign,
  planBack,
  resumeCampaign,
  retryStep,
  skipStep,
  startCampaign,
} from '../../campaigns/acts.js';
import { Policy } from '../../campaigns/decide/policy.js';
import { type CampaignParts, planCampaign } from '../../campaigns/make.js';
import { CampaignActed, CampaignPlanned, excludeBody, GOALS } from '../campaign-shapes.js';
import { stepId } from '../matrix-shapes.js';
import { invalid } from '../problem.js';
import { actAtHome, bodyOf, type Route } from '../route.js';
import { id, name, oneOf } from '../shapes.js';
import { whenDone } from '../when-done.js';
import type { CampaignApi } from './campaigns.js';

const params = { id: id() };
const reason = () => Type.String({ minLength: 1, maxLength: 1000 });
const DIGEST = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });

export function campaignActRoutes(api: CampaignApi): readonly Route[] {
  const parts = partsOf(api);
  const mayReason = { reason: Type.Optional(reason()) };
  return [
    planOf(api),
    approveOf(api),
    actOf(api, {
      ...{ word: 'start', body: {} },
      does: 'Starts a campaign whose plan is approved, where the cluster is still the same.',
      work: (client, { id, by }) => startCampaign(parts, client, { id, by }),
    }),
    actOf(api, {
      ...{ word: 'pause', body: mayReason },
      does: 'Nothing further begins; verbs of shards are interrupted.',
      work: (client, { id, ...said }) => pauseCampaign(client, id, said),
    }),
    actOf(api, {
      ...{ word: 'resume', body: mayReason },
      does: 'Goes on with what was paused or stopped.',
      work: (client, { id, ...said }) => resumeCampaign(client, id, said),
    }),
    actOf(api, {
      ...{ word: 'cancel', body: mayReason },
      does: 'Ends it where it is; the cluster stays as it is.',
      work: (client, { id, ...said }) => cancelCampaign(client, id, said),
    }),
    actOf(api, {
      ...{ word: 'retry', body: { step: stepId() } },
      does: 'Carries out a step again that failed.',
      work: retryStep,
    }),
    actOf(api, {
      ...{ word: 'skip', body: { step: stepId(), reason: reason() } },
      does: 'Leaves a step out, with the reason. What rests on it stays refused.',
      work: skipStep,
    }),
    actOf(api, {
      ...{ word: 'exclude', body: excludeBody },
      does: 'Leaves a server or a shard out of what is to come; what it runs counts.',
      work: (client, { id, ...excluded }) => exclude(client, id, excluded),
    }),
    backOf(api),
  ];
}

function partsOf({ store, secret, campaigns }: CampaignApi): CampaignParts {
  const { bundles, reader } = campaigns;
  return { store, secret, bundles, reader };
}

function planOf(api: CampaignApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/campaigns',
    summary: 'Plans a campaign: the shortest safe order, or your own where it is safe.',
    permission: 'cluster:write',
    status: 201,
    body: bodyOf({
      cluster: id(),
      goal: Type.Optional(oneOf(GOALS)),
      to: Type.Optional(name(64)),
      policy: Type.Optional(Type.Partial(Policy, { additionalProperties: false })),
      order: Type.Optional(
        Type.Array(stepId(), {
          ...{ minItems: 1, maxItems: 5000, uniqueItems: true },
          description: 'Your own order: ids of steps.',
        }),
      ),
      exclude: Type.Optional(Type.Array(bodyOf(excludeBody), { maxItems: 1000 })),
    }),
    answer: CampaignPlanned,
    audit: {
      act: 'campaign.plan',
      on: ({ body }) => `cluster ${body.cluster}`,
      detail: ({ body }) => ({ goal: body.goal ?? 'upgraded', to: body.to ?? null }),
      isChange: ({ changed }) => changed,
    },
    handle({ body, caller }, client) {
      const { cluster, goal = 'upgraded', to, policy = {}, order, exclude: left = [] } = body;
      const at = new Date().toISOString();
      return planCampaign(partsOf(api), client, {
        ...{ cluster, goal, policy, by: caller.name },
        excluded: left.map((one) => ({ ...one, by: caller.name, at })),
        ...(to === undefined ? {} : { to }),
        ...(order === undefined ? {} : { order }),
      });
    },
  });
}

function approveOf(api: CampaignApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/campaigns/:id/approve',
    summary: 'Approves the plan by its digest, or a step that needs an approval of its own.',
    permission: 'campaigns:approve',
    params,
    body: bodyOf({ digest: Type.Optional(DIGEST), step: Type.Optional(stepId()) }),
    answer: CampaignActed,
    audit: {
      act: 'campaign.approve',
      on: ({ params, body }) => `campaign ${params.id}${body.step ? ` ${body.step}` : ''}`,
      detail: ({ body }) => ({ digest: body.digest ?? null }),
      isChange: ({ changed }) => changed,
    },
    async handle({ params: { id }, body: { digest, step }, caller: { name: by }, reply }, client) {
      if ((digest === undefined) === (step === undefined)) {
        throw invalid([{ field: 'body', rule: 'either the digest of the plan, or a step' }]);
      }
      const changed =
        step === undefined
          ? await approvePlan(partsOf(api), client, { id, digest: digest ?? '', by })
          : await approveStep(client, { id, step, by });
      whenDone(reply, () => api.campaigns.kick(id));
      return { id, changed };
    },
  });
}

interface Act<Shapes extends Record<string, TSchema>> {
  /** The last part of its address. */
  readonly word: string;
  readonly does: string;
  /** What it takes besides the campaign. */
  readonly body: Shapes;
  /** @returns whether it changed anything */
  work(client: ClientBase, asked: Static<TObject<Shapes>> & Of): Promise<boolean>;
}

interface Of {
  readonly id: string;
  readonly by: string;
}

/** An act on one campaign; whoever drives it looks at once. */
function actOf<Shapes extends Record<string, TSchema>>(api: CampaignApi, act: Act<Shapes>): Route {
  return actAtHome({
    method: 'POST',
    path: `/api/v1/campaigns/:id/${act.word}`,
    summary: act.does,
    permission: 'cluster:write',
    params,
    body: bodyOf(act.body),
    answer: CampaignActed,
    audit: {
      act: `campaign.${act.word}`,
      on: ({ params }) => `campaign ${params.id}`,
      detail: ({ body }) => body as object,
      isChange: ({ changed }) => changed,
    },
    async handle({ params: { id }, body, caller, reply }, client) {
      const changed = await act.work(client, { ...body, id, by: caller.name });
      whenDone(reply, () => api.campaigns.kick(id));
      return { id, changed };
    },
  });
}

function backOf(api: CampaignApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/campaigns/:id/back',
    summary: 'Plans the way back, and ends this campaign; refused with proof past contract.',
    permission: 'cluster:write',
    status: 201,
    params,
    body: bodyOf({ reason: Type.Optional(reason()) }),
    answer: Type.Object({
      id: id('Of the plan that leads back.'),
      changed: Type.Boolean({ description: 'False: it was planned before.' }),
    }),
    audit: {
      act: 'campaign.back',
      on: ({ params }) => `campaign ${params.id}`,
      detail: ({ body }) => ({ reason: body.reason ?? null }),
      isChange: ({ changed }) => changed,
    },
    async handle({ params, body, caller, reply }, client) {
      const said = { by: caller.name, ...body };
      const back = await planBack(partsOf(api), client, params.id, said);
      whenDone(reply, () => api.campaigns.kick(params.id));
      return back;
    },
  });
}
