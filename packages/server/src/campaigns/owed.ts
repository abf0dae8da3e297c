// What was installed by a command is seen by nobody until the server is started anew: where that
// failed, and the step was skipped, a server runs one release and starts as the other next time. So
// the last thing that campaigns have installed counts, whatever the server runs.

import type { ClientBase } from 'pg';
import type { Cluster } from './cluster/clusters.js';
import type { Goal } from './decide/plan.js';
import { idOf } from './decide/steps.js';

interface Between {
  readonly from: string;
  readonly to: string;
}

/**
 * Ids of the steps that are to be carried out though they may look done: of servers on which the
 * other release was installed last. None where a package tells what is installed.
 */
export async function owedSteps(
  client: ClientBase,
  { id, declared }: Cluster,
  { from, to }: Between,
  goal: Goal,
): Promise<ReadonlySet<string>> {
  if (declared.package !== undefined) return new Set();
  const { rows } = await client.query<{ name: string; action: string }>(
    `select distinct on (s.name) s.name, s.action
     from campaign_events as e
     join campaigns as c on c.id = e.campaign_id
     join campaign_steps as s on s.campaign_id = e.campaign_id and s.id = e.step
     where c.cluster_id = $1 and c.from_release = $2 and c.to_release = $3
       and s.kind = 'server' and e.kind = 'stage' and e.detail ->> 'stage' = 'upgrade'
     order by s.name, e.number desc`,
    [id, from, to],
  );
  const action = goal === 'back' ? 'downgrade' : 'upgrade';
  const others = rows.filter((row) => row.action !== action);
  return new Set(others.map(({ name }) => idOf({ kind: 'server', name, action })));
}
