// A cluster, a campaign and a bundle as people name them.

import { HalflapError } from '@halflap/protocol';
import type { CampaignSummary, ClusterSummary, Evolution } from '@halflap/server';
import type { ApiClient } from './client.js';
import { findBeginning } from './find-beginning.js';
import { findNamed } from './find-named.js';
import { OPERATIONS } from './operations.js';
import { fetchList } from './pages.js';

/** By its name, or its id. @throws as `findNamed` */
export function findCluster(client: ApiClient, text: string): Promise<ClusterSummary> {
  return findNamed(client, text, {
    what: 'cluster',
    operation: OPERATIONS.listClusters,
    about: ({ app }) => app,
  });
}

/** The id. @throws as `findBeginning` */
export function findCampaign(client: ApiClient, text: string): Promise<string> {
  return findBeginning(client, text, {
    what: 'campaign',
    operation: OPERATIONS.listCampaigns,
    about: ({ cluster, from, to, state }: CampaignSummary) =>
      `${cluster.name} ${from} → ${to}  ${state}`,
    list: 'halflap campaign list',
  });
}

const HASH_LETTERS = 64;

/** The hash of a bundle. @throws API_NOT_FOUND; COMMAND_INVALID for what several begin with */
export async function findBundle(client: ApiClient, text: string): Promise<string> {
  const beginning = text.toLowerCase();
  if (beginning.length === HASH_LETTERS) return beginning;
  const all = { limit: Number.POSITIVE_INFINITY, note: () => {} };
  const { items } = await fetchList(client, OPERATIONS.listEvolutions, { what: 'bundles' }, all);
  const found = items.filter(({ hash }) => hash.startsWith(beginning));
  const [first, ...others] = found;
  if (first === undefined) {
    throw new HalflapError('API_NOT_FOUND', `no bundle begins with ${text}`, {
      hint: 'halflap clusters bundles list',
    });
  }
  if (others.length === 0) return first.hash;
  throw new HalflapError('COMMAND_INVALID', `more than one bundle begins with ${text}`, {
    detail: { evidence: found.map(bundleText) },
    hint: 'give more letters of its hash',
  });
}

function bundleText({ hash, app, from, to }: Evolution): string {
  return `${hash}  ${app} ${from} → ${to}`;
}
