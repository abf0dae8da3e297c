// Campaigns, as a server starts and stops them.

import type { Log, Store } from '../store/store.js';
import { CampaignDriver } from './driver.js';
import { Bundles } from './evolutions.js';

export interface CampaignsOptions {
  readonly store: Store;
  /** What addresses of shards are sealed by. */
  readonly secret: Buffer;
  /** What carries out the jobs of campaigns. */
  readonly jobs: { kick(job?: string): void };
  /** The name of this server. */
  readonly server: string;
  /** After this time of silence another server goes on with the campaigns of this one. */
  readonly leaseSeconds: number;
  /** How often the application is asked for its signals; less than GAP_MS of signal-limits.ts. */
  readonly signalSeconds: number;
  readonly clock: () => Date;
  readonly log: Log;
}

export interface Campaigns {
  readonly bundles: Bundles;
  /** A campaign was started, or told something: it is looked at without delay. */
  kick(campaign: string): void;
  /** Idempotent. */
  stop(): Promise<void>;
}

export function startCampaigns(options: CampaignsOptions): Campaigns {
  const bundles = new Bundles();
  const driver = new CampaignDriver({ ...options, bundles });
  return {
    bundles,
    kick: (campaign) => driver.kick(campaign),
    stop: () => driver.stop(),
  };
}
