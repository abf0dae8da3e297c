// What one pass of a campaign works with: the server's parts, the lease, and what is known.

import type { Bundle } from '@halflap/engine/runner';
import type { ClientBase } from 'pg';
import { assertOwner, type Lease } from '../store/leases.js';
import type { Log } from '../store/store.js';
import type { CampaignRow, StepRow } from './campaign.js';
import type { Cluster, ShardAddress } from './cluster/clusters.js';
import type { Observed } from './cluster/observe.js';
import type { HookRow } from './hooks/hook-rows.js';
import type { CampaignParts } from './make.js';

export interface DrivingParts extends CampaignParts {
  /** Jobs are looked at without delay. */
  readonly jobs: { kick(job?: string): void };
  /** How often the application is asked for its signals. */
  readonly signalSeconds: number;
  readonly clock: () => Date;
  readonly log: Log;
}

export interface Known {
  readonly campaign: CampaignRow;
  readonly steps: readonly StepRow[];
  /** Open ones, and those of the attempts that run. */
  readonly calls: readonly HookRow[];
  readonly cluster: Cluster;
  readonly addresses: readonly ShardAddress[];
  readonly bundle: Bundle;
  readonly observed: Observed;
  readonly now: Date;
}

export interface Pass {
  readonly on: DrivingParts;
  readonly lease: Lease;
  readonly known: Known;
}

/** A transaction of the home shard as the owner of the campaign. @throws LEASE_LOST */
export function atHome(
  { on, lease }: { readonly on: Pick<DrivingParts, 'store'>; readonly lease: Lease },
  body: (client: ClientBase) => Promise<unknown>,
): Promise<void> {
  return on.store.home.transaction(
    async (client) => {
      await assertOwner(client, lease);
      await body(client);
    },
    { retry: true },
  );
}
