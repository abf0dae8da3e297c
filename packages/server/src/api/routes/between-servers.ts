// Features, messages and retained behaviours of a cluster's servers: how they stand on its shards,
// and an operator's acts on them. docs/servers-file.md says what they are.

import { discardParked, returnParked } from '@halflap/engine/runner';
import { HalflapError } from '@halflap/protocol';
import { Type } from 'typebox';
import {
  lookAtBehaviours,
  lookAtFeatures,
  lookAtMessages,
  shardsOf,
  whySilent,
} from '../../campaigns/cluster/between-servers.js';
import { isKnown } from '../../campaigns/cluster/clusters.js';
import { type FeatureVerb, moveFeature } from '../../campaigns/cluster/feature-acts.js';
import { SHARD_MS } from '../../campaigns/cluster/observe.js';
import {
  behaviourView,
  ClusterBehaviours,
  ClusterFeatures,
  ClusterMessages,
  FeatureMoved,
  featureView,
  messagesView,
  ParkedSettled,
} from '../between-servers-shapes.js';
import { act, bodyOf, found, type Route, read } from '../route.js';
import { id, name } from '../shapes.js';
import type { ClusterApi } from './clusters.js';

const params = { id: id() };
/** Parked messages that are read of each shard. */
const MOST_PARKED = 100;

export function betweenServersRoutes(api: ClusterApi): readonly Route[] {
  return [
    featuresOf(api),
    featureActOf(api, 'enable', {
      body: { acceptNoWayBack: Type.Optional(Type.Boolean()) },
      summary: 'Lets servers use a feature; refused with proof while one does not support it.',
    }),
    featureActOf(api, 'disable', {
      body: {},
      summary: 'Lets servers use a feature no more, where it says that it is reversible.',
    }),
    messagesOf(api),
    giveBackOf(api),
    discardOf(api),
    behavioursOf(api),
  ];
}

function featuresOf(api: ClusterApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/clusters/:id/features',
    summary: 'Features: where each stands, who supports it, and what is against enabling it.',
    permission: 'cluster:read',
    params,
    answer: ClusterFeatures,
    async handle({ params }) {
      const { addresses } = await shardsOf(api, params.id);
      const { known, shards } = await lookAtFeatures(addresses);
      return { features: known.map(featureView), shards: [...shards] };
    },
  });
}

interface Kind {
  readonly body: Record<string, ReturnType<typeof Type.Optional>>;
  readonly summary: string;
}

function featureActOf(api: ClusterApi, verb: FeatureVerb, { body, summary }: Kind): Route {
  return act({
    method: 'POST',
    path: `/api/v1/clusters/:id/features/:feature/${verb}`,
    summary,
    permission: 'cluster:write',
    params: { ...params, feature: Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$' }) },
    body: bodyOf(body),
    answer: FeatureMoved,
    audit: {
      act: `feature.${verb}`,
      on: ({ params }) => `feature ${params.feature} of cluster ${params.id}`,
      detail: ({ body: said }) => said,
    },
    async handle({ params: { id: cluster, feature }, body: said, caller }) {
      const acceptsNoWayBack = 'acceptNoWayBack' in said && said.acceptNoWayBack === true;
      const by = caller.name;
      const { heardWithinMs } = api;
      const asked = { verb, cluster, feature, by, acceptsNoWayBack, heardWithinMs };
      const moved = await moveFeature(api, asked);
      return { ...moved, waitsFor: [...moved.waitsFor] };
    },
  });
}

function messagesOf(api: ClusterApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/clusters/:id/messages',
    summary: 'Messages: in which form servers write, who knows which, and those that are parked.',
    permission: 'cluster:read',
    params,
    answer: ClusterMessages,
    async handle({ params }) {
      const { addresses } = await shardsOf(api, params.id);
      const { known, shards } = await lookAtMessages(addresses, MOST_PARKED);
      return { ...messagesView(known), shards: [...shards] };
    },
  });
}

const shard = () => name(64);
const ids = () =>
  Type.Array(Type.String({ pattern: '^[0-9]{1,18}$' }), { minItems: 1, maxItems: 1000 });

function giveBackOf(api: ClusterApi): Route {
  return act({
    method: 'POST',
    path: '/api/v1/clusters/:id/messages/give-back',
    summary: 'Lets parked messages of a shard be read again: those that are named, else all.',
    permission: 'cluster:write',
    params,
    body: bodyOf({ shard: shard(), ids: Type.Optional(ids()) }),
    answer: ParkedSettled,
    audit: {
      act: 'message.give-back',
      on: ({ params, body }) => `messages on shard ${body.shard} of cluster ${params.id}`,
      detail: ({ body }) => ({ ids: body.ids ?? null }),
    },
    handle: ({ params, body }) =>
      settle(api, { cluster: params.id, shard: body.shard }, (url) =>
        returnParked(url, body.ids ?? null, SHARD_MS),
      ),
  });
}

function discardOf(api: ClusterApi): Route {
  return act({
    method: 'POST',
    path: '/api/v1/clusters/:id/messages/discard',
    summary: 'Takes parked messages of a shard away for good.',
    permission: 'cluster:write',
    params,
    body: bodyOf({ shard: shard(), ids: ids() }),
    answer: ParkedSettled,
    audit: {
      act: 'message.discard',
      on: ({ params, body }) => `messages on shard ${body.shard} of cluster ${params.id}`,
      detail: ({ body }) => ({ ids: body.ids }),
    },
    handle: ({ params, body }) =>
      settle(api, { cluster: params.id, shard: body.shard }, (url) =>
        discardParked(url, body.ids, SHARD_MS),
      ),
  });
}

interface Where {
  readonly cluster: string;
  readonly shard: string;
}

/** @throws API_NOT_FOUND; STORE_UNAVAILABLE when the shard does not answer */
async function settle(
  api: ClusterApi,
  { cluster, shard: named }: Where,
  how: (url: string) => Promise<string[]>,
) {
  const { addresses } = await shardsOf(api, cluster);
  const { url } = found(
    addresses.filter(isKnown).find((one) => one.name === named),
    `shard ${named}`,
  );
  try {
    return { shard: named, ids: await how(url) };
  } catch (cause) {
    throw new HalflapError('STORE_UNAVAILABLE', `shard ${named} ${whySilent(cause, url)}`, {
      hint: 'repeat it: it may be done, and is not done twice',
      cause,
    });
  }
}

function behavioursOf(api: ClusterApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/clusters/:id/behaviours',
    summary: 'Retained behaviours: how often each was met, who lives by it, and when it expires.',
    permission: 'cluster:read',
    params,
    answer: ClusterBehaviours,
    async handle({ params }) {
      const { addresses } = await shardsOf(api, params.id);
      const { known, shards } = await lookAtBehaviours(addresses, api.clock());
      return { behaviours: known.map(behaviourView), shards: [...shards] };
    },
  });
}
