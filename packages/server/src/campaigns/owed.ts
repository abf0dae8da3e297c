// What was installed by a command is seen by nobody until the server is started anew: where that
// failed, and the step was skipped, a server runs one release and starts as the other next time. So
// the last thing that campaigns have installed counts, whatever the server runs. And a server that
// was drained and not undrained serves nobody, whatever it has.

import type { ClientBase } from 'pg';
import type { StageName } from './campaign.js';
import type { Cluster } from './cluster/clusters.js';
import type { Goal } from './decide/plan.js';
import { idOf } from './decide/steps.js';

interface Between {
  readonly from: string;
  readonly to: string;
}

/**
 * Ids of the steps that are to be carried out though they may look done: of servers on which the
 * other release was installed last (where no package tells that), or that campaigns left drained.
 */
export async function owedSteps(
  client: ClientBase,
  { id, declared }: Cluster,
  between: Between,
  goal: Goal,
): Promise<ReadonlySet<string>> {
  const action = goal === 'back' ? 'downgrade' : 'upgrade';
  const lastOf = (...stages: readonly StageName[]) => lastStages(client, { id, between, stages });
  const installed = declared.package === undefined ? await lastOf('upgrade') : [];
  const drained = await lastOf('drain', 'undrain');
  const names = [
    ...installed.filter((one) => one.action !== action),
    ...drained.filter((one) => one.stage === 'drain' || one.isBegun),
  ].map(({ name }) => name);
  return new Set(names.map((name) => idOf({ kind: 'server', name, action })));
}

interface LastStage {
  readonly name: string;
  readonly action: string;
  readonly stage: StageName;
  /** It was begun, and nobody knows that it was done. */
  readonly isBegun: boolean;
}

/** The last that campaigns between these releases did of these stages, on each server. */
async function lastStages(
  client: ClientBase,
  { id, between, stages }: { id: string; between: Between; stages: readonly StageName[] },
): Promise<LastStage[]> {
  const { rows } = await client.query<LastStage>(
    `select distinct on (s.name) s.name, s.action, e.detail ->> 'stage' as stage,
       e.detail ? 'job' as "isBegun"
     from campaign_events as e
     join campaigns as c on c.id = e.campaign_id
     join campaign_steps as s on s.campaign_id = e.campaign_id and s.id = e.step
     where c.cluster_id = $1 and c.from_release = $2 and c.to_release = $3
       and s.kind = 'server' and e.kind = 'stage' and e.detail ->> 'stage' = any($4)
     order by s.name, e.number desc`,
    [id, between.from, between.to, stages],
  );
  return rows;
}
