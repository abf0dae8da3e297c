// Bundles: what leads an application from one release to the next, uploaded once.

import { VERBS } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import {
  addEvolution,
  BUNDLE_BYTES,
  type Bundles,
  EVOLUTION_COLUMNS,
  type EvolutionRow,
} from '../../campaigns/cluster/evolutions.js';
import { APP } from '../../store/install.js';
import type { Store } from '../../store/store.js';
import { BundleSteps, stepsView } from '../bundle-steps.js';
import { assertMay } from '../caller.js';
import { Conditions } from '../conditions.js';
import { homePage } from '../home-page.js';
import { actAtHome, bodyOf, type Route, read } from '../route.js';
import { instant, name, oneOf, pageOf, paging } from '../shapes.js';

export const Evolution = Type.Object({
  hash: Type.String({ description: 'Of its contents; names it.' }),
  app: Type.String(),
  from: Type.String(),
  to: Type.String(),
  addedBy: Type.String(),
  addedAt: instant(),
});
export type Evolution = Static<typeof Evolution>;

export interface EvolutionApi {
  readonly store: Store;
  readonly bundles: Bundles;
}

export function evolutionRoutes(api: EvolutionApi): readonly Route[] {
  return [listOf(api), stepsOf(api), addOf()];
}

function listOf({ store }: EvolutionApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/evolutions',
    summary: 'Bundles that were uploaded.',
    permission: 'cluster:read',
    query: { ...paging, app: Type.Optional(name(64)) },
    answer: pageOf(Evolution),
    handle({ query: { app, ...query } }) {
      const conditions = new Conditions();
      if (app !== undefined) conditions.add(`e.app = ${conditions.place(app)}`);
      return homePage<EvolutionRow, Evolution>({ store }, query, {
        ...{ columns: EVOLUTION_COLUMNS, from: 'evolutions as e', conditions },
        ...{ key: 'e.hash', keyType: 'text', direction: 'asc', item: viewOf },
      });
    },
  });
}

function stepsOf({ store, bundles }: EvolutionApi): Route {
  return read({
    method: 'GET',
    path: '/api/v1/evolutions/:hash/steps',
    summary: 'The steps of a bundle, verb by verb: what each is, what it locks, its statements.',
    permission: 'cluster:read',
    params: { hash: Type.String({ pattern: '^[0-9a-f]{64}$' }) },
    query: { verb: Type.Optional(oneOf(VERBS)) },
    answer: BundleSteps,
    async handle({ params, query: { verb } }) {
      const bundle = await bundles.read(store.home, params.hash);
      return stepsView(bundle, verb === undefined ? VERBS : [verb]);
    },
  });
}

function addOf(): Route {
  return actAtHome({
    method: 'POST',
    path: '/api/v1/evolutions',
    summary: 'Uploads a bundle as `halflap build` writes it. The same one twice is one.',
    permission: 'cluster:write',
    status: 201,
    bodyBytes: BUNDLE_BYTES,
    body: bodyOf({
      bundle: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
    }),
    answer: Evolution,
    audit: {
      act: 'evolution.add',
      on: ({ body }) => `bundle ${String((body.bundle as { hash?: unknown }).hash).slice(0, 64)}`,
    },
    async handle({ body, caller }, client) {
      const added = await addEvolution(client, body.bundle, caller.name);
      // Its SQL runs on the shards that have users and keys.
      if (added.app === APP) assertMay(caller, 'itself:write');
      return viewOf(added);
    },
  });
}

function viewOf(row: EvolutionRow): Evolution {
  const { hash, app, from_release: from, to_release: to } = row;
  return { hash, app, from, to, addedBy: row.added_by, addedAt: row.added_at.toISOString() };
}
