// Campaigns, as a server starts and stops them.

import { Rounds } from '../rounds.js';
import type { Log, Store } from '../store/store.js';
import { CampaignDriver } from './driver.js';
import { Bundles } from './evolutions.js';
import { purgeHistory } from './history.js';

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
  /** How long the history of a campaign is kept after its end. */
  readonly keptDays: number;
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

/** How often old histories are looked for. */
const PURGE_MS = 3600 * 1000;

export function startCampaigns(options: CampaignsOptions): Campaigns {
  const bundles = new Bundles();
  const driver = new CampaignDriver({ ...options, bundles });
  const purging = new Rounds(async () => {
    await purgeHistory(options.store, options.keptDays).catch((error: unknown) =>
      options.log.warn({ error }, 'old histories of campaigns were not taken away'),
    );
    return PURGE_MS;
  });
  return {
    bundles,
    kick: (campaign) => driver.kick(campaign),
    async stop() {
      await Promise.all([driver.stop(), purging.stop()]);
    },
  };
}
