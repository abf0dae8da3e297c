// Whether a campaign was planned before in the same words, and has not ended: it is not made again,
// so that a plan may be asked for as often as one likes.

import type { ClientBase } from 'pg';
import type { CampaignRow } from './campaign.js';
import type { Excluded } from './cluster/observe.js';

export type AlikeRow = Pick<CampaignRow, 'id' | 'digest' | 'excluded'> & {
  readonly is_started: boolean;
  readonly is_own_order: boolean;
};

interface Words extends Pick<CampaignRow, 'goal' | 'policy' | 'excluded'> {
  /** The id of the cluster. */
  readonly cluster: string;
  readonly from: string;
  readonly to: string;
  /** The hash of the bundle. */
  readonly bundle: string;
}

/** The last planned first. Which steps are left, and in which order, is not compared. */
export async function findAlike(
  client: ClientBase,
  { cluster, goal, from, to, bundle, policy, excluded }: Words,
): Promise<readonly AlikeRow[]> {
  const { rows } = await client.query<AlikeRow>(
    `select c.id, c.digest, c.excluded, c.started_at is not null as is_started,
       exists (
         select from campaign_events as e
         where e.campaign_id = c.id and e.kind = 'planned' and (e.detail ->> 'isOwnOrder')::boolean
       ) as is_own_order
     from campaigns as c
     where c.cluster_id = $1 and c.goal = $2 and c.from_release = $3 and c.to_release = $4
       and c.bundle_hash = $5 and c.policy = $6 and c.ended_at is null and c.state <> 'cancelled'
     order by c.planned_at desc`,
    [cluster, goal, from, to, bundle, JSON.stringify(policy)],
  );
  const names = namesOf(excluded);
  return rows.filter((row) => namesOf(row.excluded) === names);
}

function namesOf(excluded: readonly Excluded[]): string {
  return [...new Set(excluded.map(({ kind, name }) => `${kind}/${name}`))].sort().join(' ');
}
