// Whether the cluster is still what a campaign was planned on: an approval is of that and no other,
// and so is the start.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { type CampaignRow, readSteps, recordOf } from './campaign.js';
import { readAddresses, readCluster } from './cluster/clusters.js';
import { resolveServers } from './cluster/resolve.js';
import { boundOf, type CampaignParts, checkResolved, digestFor } from './make.js';

/** @throws CAMPAIGN_REFUSED when what an approval would be of is not what it was */
export async function assertSame(
  on: CampaignParts,
  client: ClientBase,
  campaign: CampaignRow,
): Promise<void> {
  const cluster = await readCluster(client, campaign.cluster_id);
  const addresses = await readAddresses(client, on, cluster);
  const steps = await readSteps(client, campaign.id);
  const resolved = await resolveServers(on.store, cluster.declared);
  checkResolved(resolved);
  const servers = boundOf(resolved.servers);
  const { policy, bundle_hash: bundle, excluded, goal } = campaign;
  const plan = { goal, steps: steps.map(recordOf) };
  const digest = digestFor(plan, cluster, addresses, { policy, bundle, servers, excluded });
  if (digest === campaign.digest) return;
  const before = new Map(campaign.servers.map(({ name, host }) => [name, host]));
  const now = new Map(servers.map(({ name, host }) => [name, host]));
  const names = [...new Set([...before.keys(), ...now.keys()])];
  const lines = names.flatMap((name) => {
    if (!before.has(name)) return `server ${name} is new`;
    if (!now.has(name)) return `server ${name} is gone`;
    return before.get(name) === now.get(name) ? [] : `server ${name} is another host`;
  });
  throw notSame(lines.length > 0 ? lines : ['the cluster was declared anew, or has other shards']);
}

/** With what is another now. */
export function notSame(evidence: readonly string[]): HalflapError {
  return new HalflapError(
    'CAMPAIGN_REFUSED',
    'the cluster is not as it was when this was planned',
    {
      detail: { evidence },
      hint: 'plan again, and approve that',
    },
  );
}
