// A cluster and a campaign as people name them.

import type { CampaignSummary, ClusterSummary } from '@halflap/server';
import type { ApiClient } from './client.js';
import { findBeginning } from './find-beginning.js';
import { findNamed } from './find-named.js';
import { OPERATIONS } from './operations.js';

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
