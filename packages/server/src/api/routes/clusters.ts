// Clusters: what is declared, how they are now, and what a step would change. Connection strings of
// shards come in and never go out.

import { type Static, Type } from 'typebox';
import { ClusterLooks } from '../../campaigns/cluster/cluster-look.js';
import {
  addCluster,
  CLUSTER_COLUMNS,
  type ClusterRow,
  changeCluster,
  readCluster,
  removeCluster,
} from '../../campaigns/cluster/clusters.js';
import { DECLARATION_FIELDS } from '../../campaigns/cluster/declaration.js';
import type { GivenDeclaration } from '../../campaigns/cluster/own-shards.js';
import { CAMPAIGN_STATES } from '../../campaigns/decide/decide.js';
import { idOf } from '../../campaigns/decide/steps.js';
import { whatIf } from '../../campaigns/decide/what-if.js';
import { type CampaignParts, stepOfId } from '../../campaigns/make.js';
import { askHome } from '../../store/home.js';
import { assertMay } from '../caller.js';
import { GOALS } from '../campaign-shapes.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { Matrix, matrixView, refusalView, stepId, WhatIf } from '../matrix-shapes.js';
import { actAtHome, bodyOf, live, type Route, read } from '../route.js';
import { id, instant, nullable, oneOf, pageOf, paging } from '../shapes.js';
import { shardRoutes } from './shards.js';

export interface ClusterApi extends CampaignParts {
  readonly clock: () => Date;
  /** How long an act on a feature waits for servers to hear of it, in ms. */
  readonly heardWithinMs?: number;
}

const OpenCampaign = nullable(
  Type.Object({
    id: id(),
    goal: oneOf(GOALS),
    state: oneOf(CAMPAIGN_STATES),
    from: Type.String(),
    to: Type.String(),
  }),
);

const summary = {
  id: id(),
  name: Type.String(),
  app: Type.String(),
  shards: Type.Array(Type.String()),
  campaign: OpenCampaign,
  changedBy: Type.String(),
  changedAt: instant(),
};

export const ClusterSummary = Type.Object(summary);
export type ClusterSummary = Static<typeof ClusterSummary>;

export const Cluster = Type.Object({
  ...summary,
  revision: Type.Integer({ description: 'Grows with every change.' }),
  declaration: Type.Unsafe<object>({
    ...{ type: 'object', additionalProperties: true },
    description: 'As it was declared, without the addresses of shards.',
  }),
});
export type Cluster = Static<typeof Cluster>;

const params = { id: id() };

export function clusterRoutes(api: ClusterApi): readonly Route[] {
  const looks = new ClusterLooks(api, api.clock);
  return [
    listOf(api),
    addOf(api),
    oneCluster(api),
    changeOf(api),
    removeOf(),
    matrixOf(looks),
    whatIfOf(looks),
    liveOf(looks),
    ...shardRoutes(api),
  ];
}

type ListRow = ClusterRow & { readonly campaign: Static<typeof OpenCampaign> };

const COLUMNS = `${CLUSTER_COLUMNS}, (
    select jsonb_build_object('id', o.id, 'goal', o.goal, 'state', o.state,
      'from', o.from_release, 'to', o.to_release)
    from campaigns as o
    where o.cluster_id = c.id and o.started_at is not null and o.ended_at is null
  ) as campaign`;

function listOf({ store }: ClusterApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/clusters',
    summary: 'Clusters by name, each with the campaign that is under way.',
    permission: 'cluster:read',
    query: paging,
    answer: pageOf(ClusterSummary),
    handle: ({ query }) =>
      homePage<ListRow, ClusterSummary>({ store }, query, {
        ...{ columns: COLUMNS, from: 'clusters as c', conditions: new Conditions() },
        ...{ key: 'c.name', keyType: 'text', direction: 'asc', item: summaryOf },
      }),
  });
}

function summaryOf({ id, declared, campaign, ...row }: ListRow): ClusterSummary {
  const shards = declared.shards.map(({ name }) => name);
  return {
    ...{ id, name: declared.name, app: declared.app, shards, campaign },
    ...{ changedBy: row.changed_by, changedAt: row.changed_at.toISOString() },
  };
}

function oneCluster({ store }: ClusterApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/clusters/:id',
    summary: 'One cluster as it was declared.',
    permission: 'cluster:read',
    params,
    answer: Cluster,
    async handle({ params }) {
      await readCluster(store.home, params.id);
      const sql = `select ${COLUMNS} from clusters as c where c.id = $1`;
      const [row] = (await askHome<ListRow>(store, sql, [params.id])) as [ListRow];
      return { ...summaryOf(row), revision: row.revision, declaration: row.declared };
    },
  });
}

function addOf({ store, secret }: ClusterApi): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/clusters',
    summary: 'Declares a cluster: its application, servers and shards.',
    permission: 'cluster:write',
    status: 201,
    body: bodyOf(DECLARATION_FIELDS),
    answer: Type.Object({ id: id() }),
    audit: { act: 'cluster.add', on: ({ body }) => `cluster ${body.name}`, detail },
    async handle({ body, caller }, client) {
      const given = body as GivenDeclaration;
      if (given.itself === true) assertMay(caller, 'itself:write');
      const declaring = { given, store, secret, by: caller.name };
      return { id: await addCluster(client, declaring) };
    },
  });
}

function changeOf({ store, secret }: ClusterApi): Route {
  return actAtHome({
    method: 'PUT',
    path: '/api/v1/clusters/:id',
    summary: 'Declares a cluster anew; a shard without an address keeps the one that it has.',
    permission: 'cluster:write',
    params,
    body: bodyOf(DECLARATION_FIELDS),
    answer: null,
    audit: { act: 'cluster.change', on: ({ body }) => `cluster ${body.name}`, detail },
    async handle({ params, body, caller }, client) {
      const given = body as GivenDeclaration;
      const { declared: before } = await readCluster(client, params.id);
      if (given.itself === true || before.itself === true) assertMay(caller, 'itself:write');
      const declaring = { given, store, secret, by: caller.name };
      await changeCluster(client, params.id, declaring);
      return undefined;
    },
  });
}

/** Without addresses, which are secret. */
function detail({ body }: { readonly body: { readonly shards?: readonly { name: string }[] } }) {
  return { shards: body.shards?.map(({ name }) => name) ?? [] };
}

function removeOf(): Route {
  return actAtHome({
    method: 'DELETE',
    path: '/api/v1/clusters/:id',
    summary: 'Forgets a cluster with its campaigns; its servers and shards stay as they are.',
    permission: 'cluster:write',
    params,
    answer: null,
    audit: { act: 'cluster.remove', on: ({ params }) => `cluster ${params.id}` },
    async handle({ params, caller }, client) {
      const { declared } = await readCluster(client, params.id);
      if (declared.itself === true) assertMay(caller, 'itself:write');
      await removeCluster(client, params.id);
      return undefined;
    },
  });
}

function matrixOf(looks: ClusterLooks): Route {
  return read({
    method: 'GET',
    path: '/api/v1/clusters/:id/matrix',
    summary: 'How each server works with each shard now.',
    permission: 'cluster:read',
    params,
    answer: Matrix,
    async handle({ params }) {
      const { matrix, seenAt } = await looks.look(params.id);
      return matrixView(matrix, seenAt);
    },
  });
}

function whatIfOf(looks: ClusterLooks): Route {
  return read({
    method: 'GET',
    path: '/api/v1/clusters/:id/what-if',
    summary: 'What a step would make impossible, and what possible, if it was taken now.',
    permission: 'cluster:read',
    params,
    query: { step: stepId() },
    answer: WhatIf,
    async handle({ params, query }) {
      const look = await looks.look(params.id);
      const { world } = look.observed;
      const step = stepOfId(query.step, world, 'query.step');
      const { refusals, closes, opens, pointOfNoReturn } = whatIf(step, world);
      const uses = step.action === 'contract' ? await looks.usesOfOld(look, step.name) : [];
      return {
        ...{ step: idOf(step), refusals: [...refusals, ...uses].map(refusalView) },
        closes: closes.map((one) => ({ id: one.id, refusals: one.refusals.map(refusalView) })),
        ...{ opens: [...opens], pointOfNoReturn },
      };
    },
  });
}

/** The longest between two looks of a live view, in ms. */
const LIVE_MS = 400;
/** Within so long a change is to be told, in ms; a part of it is the way to whoever watches. */
const TOLD_MS = 900;

/**
 * A change may come just after its shard was asked, and is then seen by the end of the next look.
 * Looks that take long leave most of the time to others nevertheless.
 */
function pauseAfter(lookMs: number): number {
  return Math.min(LIVE_MS, Math.max(TOLD_MS - 2 * lookMs, lookMs / 3));
}

function liveOf(looks: ClusterLooks): Route {
  return live({
    method: 'GET',
    path: '/api/v1/clusters/:id/live',
    summary: 'Events `matrix`: the matrix, and again when it has changed.',
    permission: 'cluster:read',
    params,
    async handle({ params, signal }) {
      await looks.look(params.id);
      return async (view) => {
        let told = '';
        while (!signal.aborted) {
          const begun = performance.now();
          const { matrix, seenAt } = await looks.look(params.id);
          const lookMs = performance.now() - begun;
          const looksLike = JSON.stringify(matrix);
          if (looksLike !== told) {
            if (!view.send({ event: 'matrix', data: matrixView(matrix, seenAt) })) return;
            await view.room();
          }
          told = looksLike;
          await pause(pauseAfter(lookMs), signal);
        }
      };
    },
  });
}

/** Ends early, and not with an error, when the signal does. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve();
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
