// What people do to campaigns: plan, approve, start, pause, resume, cancel; retry, skip and exclude
// where a step has failed; and go back.

import type { ClientBase } from 'pg';
import { Type } from 'typebox';
import {
  approvePlan,
  approveStep,
  cancelCampaign,
  exclude,
  pauseCampaign,
  planBack,
  resumeCampaign,
  retryStep,
  type Said,
  skipStep,
  startCampaign,
} from '../../campaigns/acts.js';
import { type CampaignParts, planCampaign } from '../../campaigns/make.js';
import { Policy } from '../../campaigns/policy.js';
import { excludeBody, GOALS } from '../campaign-shapes.js';
import { stepId } from '../matrix-shapes.js';
import { invalid } from '../problem.js';
import { actAtHome, bodyOf, type Route } from '../route.js';
import { id, name, oneOf } from '../shapes.js';
import { whenDone } from '../when-done.js';
import type { CampaignApi } from './campaigns.js';

const params = { id: id() };
const reason = () => Type.String({ minLength: 1, maxLength: 1000 });
const DIGEST = Type.String({ pattern: '^sha256:[0-9a-f]{64}$' });
const done = Type.Object({ id: id() });

export function campaignActRoutes(api: CampaignApi): readonly Route[] {
  return [
    planOf(api),
    approveOf(api),
    startOf(api),
    told(
      api,
      { word: 'pause', does: 'Nothing further begins; verbs of shards are interrupted.' },
      pauseCampaign,
    ),
    told(api, { word: 'resume', does: 'Goes on with what was paused or stopped.' }, resumeCampaign),
    told(
      api,
      { word: 'cancel', does: 'Ends it where it is; the cluster stays as it is.' },
      cancelCampaign,
    ),
    retryOf(api),
    skipOf(api),
    excludeOf(api),
    backOf(api),
  ];
}

function partsOf({ store, secret, campaigns }: CampaignApi): CampaignParts {
  return { store, secret, bundles: campaigns.bundles };
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
          ...{ minItems: 1, maxItems: 5000 },
          description: 'Your own order: ids of steps.',
        }),
      ),
      exclude: Type.Optional(Type.Array(bodyOf(excludeBody), { maxItems: 1000 })),
    }),
    answer: done,
    audit: {
      act: 'campaign.plan',
      on: ({ body }) => `cluster ${body.cluster}`,
      detail: ({ body }) => ({ goal: body.goal ?? 'upgraded', to: body.to ?? null }),
    },
    async handle({ body, caller }, client) {
      const { cluster, goal = 'upgraded', to, policy = {}, order, exclude: left = [] } = body;
      const at = new Date().toISOString();
      const planned = await planCampaign(partsOf(api), client, {
        ...{ cluster, goal, policy, by: caller.name },
        excluded: left.map((one) => ({ ...one, by: caller.name, at })),
        ...(to === undefined ? {} : { to }),
        ...(order === undefined ? {} : { order }),
      });
      return { id: planned };
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
    answer: done,
    audit: {
      act: 'campaign.approve',
      on: ({ params, body }) => `campaign ${params.id}${body.step ? ` ${body.step}` : ''}`,
      detail: ({ body }) => ({ digest: body.digest ?? null }),
    },
    async handle({ params, body, caller, reply }, client) {
      const { digest, step } = body;
      const by = caller.name;
      if ((digest === undefined) === (step === undefined)) {
        throw invalid([{ field: 'body', rule: 'either the digest of the plan, or a step' }]);
      }
      if (digest !== undefined) {
        await approvePlan(partsOf(api), client, { id: params.id, digest, by });
      }
      if (step !== undefined) await approveStep(client, { id: params.id, step, by });
      whenDone(reply, () => api.campaigns.kick(params.id));
      return { id: params.id };
    },
  });
}

function startOf(api: CampaignApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/campaigns/:id/start',
    summary: 'Starts a campaign whose plan is approved, where the cluster is still the same.',
    permission: 'cluster:write',
    params,
    body: bodyOf({}),
    answer: done,
    audit: { act: 'campaign.start', on: ({ params }) => `campaign ${params.id}` },
    async handle({ params, caller, reply }, client) {
      await startCampaign(partsOf(api), client, { id: params.id, by: caller.name });
      whenDone(reply, () => api.campaigns.kick(params.id));
      return { id: params.id };
    },
  });
}

/** An act that takes no more than a reason. */
function told(
  api: CampaignApi,
  { word, does }: { readonly word: string; readonly does: string },
  work: (client: ClientBase, id: string, said: Said) => Promise<void>,
): Route {
  return actAtHome({
    method: 'POST',
    path: `/api/v1/campaigns/:id/${word}`,
    summary: does,
    permission: 'cluster:write',
    params,
    body: bodyOf({ reason: Type.Optional(reason()) }),
    answer: done,
    audit: {
      act: `campaign.${word}`,
      on: ({ params }) => `campaign ${params.id}`,
      detail: ({ body }) => ({ reason: body.reason ?? null }),
    },
    async handle({ params, body, caller, reply }, client) {
      await work(client, params.id, { by: caller.name, ...body });
      whenDone(reply, () => api.campaigns.kick(params.id));
      return { id: params.id };
    },
  });
}

function retryOf(api: CampaignApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/campaigns/:id/retry',
    summary: 'Carries out a step again that failed.',
    permission: 'cluster:write',
    params,
    body: bodyOf({ step: stepId() }),
    answer: done,
    audit: {
      act: 'campaign.retry',
      on: ({ params, body }) => `campaign ${params.id} ${body.step}`,
    },
    async handle({ params, body, caller, reply }, client) {
      await retryStep(client, { id: params.id, step: body.step, by: caller.name });
      whenDone(reply, () => api.campaigns.kick(params.id));
      return { id: params.id };
    },
  });
}

function skipOf(api: CampaignApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/campaigns/:id/skip',
    summary: 'Leaves a step out, with the reason. What rests on it stays refused.',
    permission: 'cluster:write',
    params,
    body: bodyOf({ step: stepId(), reason: reason() }),
    answer: done,
    audit: {
      act: 'campaign.skip',
      on: ({ params, body }) => `campaign ${params.id} ${body.step}`,
      detail: ({ body }) => ({ reason: body.reason }),
    },
    async handle({ params, body, caller, reply }, client) {
      await skipStep(client, { id: params.id, by: caller.name, ...body });
      whenDone(reply, () => api.campaigns.kick(params.id));
      return { id: params.id };
    },
  });
}

function excludeOf(api: CampaignApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/campaigns/:id/exclude',
    summary: 'Leaves a server or a shard out of what is to come; what it runs counts.',
    permission: 'cluster:write',
    params,
    body: bodyOf(excludeBody),
    answer: done,
    audit: {
      act: 'campaign.exclude',
      on: ({ params, body }) => `campaign ${params.id} ${body.kind} ${body.name}`,
      detail: ({ body }) => ({ reason: body.reason }),
    },
    async handle({ params, body, caller, reply }, client) {
      await exclude(client, params.id, { ...body, by: caller.name });
      whenDone(reply, () => api.campaigns.kick(params.id));
      return { id: params.id };
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
    answer: Type.Object({ id: id('Of the plan that leads back.') }),
    audit: {
      act: 'campaign.back',
      on: ({ params }) => `campaign ${params.id}`,
      detail: ({ body }) => ({ reason: body.reason ?? null }),
    },
    async handle({ params, body, caller, reply }, client) {
      const said = { by: caller.name, ...body };
      const back = await planBack(partsOf(api), client, params.id, said);
      whenDone(reply, () => api.campaigns.kick(params.id));
      return { id: back };
    },
  });
}
