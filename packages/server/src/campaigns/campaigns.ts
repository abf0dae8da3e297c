// Campaigns, as a server starts and stops them.

import { ShardReader } from '@halflap/engine/runner';
import { Rounds } from '../rounds.js';
import type { Log, Store } from '../store/store.js';
import { Bundles } from './cluster/evolutions.js';
import { SHARD_MS } from './cluster/observe.js';
import { CampaignDriver } from './driver.js';
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
  /** How often the application is asked for its signals; less than GAP_MS of signal-limits.ts. */
  readonly signalSeconds: number;
  readonly clock: () => Date;
  readonly log: Log;
}

export interface Campaigns {
  readonly bundles: Bundles;
  readonly reader: ShardReader;
  /** A campaign was started, or told something: it is looked at without delay. */
  kick(campaign: string): void;
  /** Idempotent. */
  stop(): Promise<void>;
}

/** How often old histories are looked for. */
const PURGE_MS = 3600 * 1000;

export function startCampaigns(options: CampaignsOptions): Campaigns {
  const bundles = new Bundles();
  const reader = new ShardReader({ timeoutMs: SHARD_MS });
  const driver = new CampaignDriver({ ...options, bundles, reader });
  const purging = new Rounds(async () => {
    await purgeHistory(options.store, options.keptDays).catch((error: unknown) =>
      options.log.warn({ error }, 'old histories of campaigns were not taken away'),
    );
    return PURGE_MS;
  });
  return {
    bundles,
    reader,
    kick: (campaign) => driver.kick(campaign),
    async stop() {
      await Promise.all([driver.stop(), purging.stop()]);
      await reader.close();
    },
  };
}
