// A cluster as it is now, whether a campaign is under way or not: for who looks at it, and for what
// would be if. Looks of several viewers within a moment are one.

import type { Bundle } from '@halflap/engine/runner';
import { askHome } from '../../store/home.js';
import { CAMPAIGN_COLUMNS, type CampaignRow, readSteps } from '../campaign.js';
import { healthOf } from '../drive.js';
import type { CampaignParts } from '../make.js';
import { findBetween } from './between.js';
import { type Cluster, readAddresses, readCluster, type ShardAddress } from './clusters.js';
import { type Matrix, matrixOf } from './matrix.js';
import { type Looking, type Observed, observe, readAll } from './observe.js';
import { usesOfOld } from './old-use.js';

export interface Look {
  readonly cluster: Cluster;
  readonly addresses: readonly ShardAddress[];
  /** What leads the cluster on; null where none is known. */
  readonly bundle: Bundle | null;
  readonly observed: Observed;
  readonly matrix: Matrix;
  readonly seenAt: Date;
}

/** A look that is not older serves the next viewer, in ms. */
const FRESH_MS = 200;

export class ClusterLooks {
  readonly #parts: CampaignParts;
  readonly #clock: () => Date;
  readonly #kept = new Map<string, { readonly at: number; readonly look: Promise<Look> }>();

  constructor(parts: CampaignParts, clock: () => Date) {
    this.#parts = parts;
    this.#clock = clock;
  }

  /** @throws API_NOT_FOUND; CAMPAIGN_REFUSED when no shard tells its release */
  look(id: string): Promise<Look> {
    const now = this.#clock().getTime();
    const kept = this.#kept.get(id);
    if (kept !== undefined && now - kept.at < FRESH_MS) return kept.look;
    const look = this.#look(id);
    this.#kept.set(id, { at: now, look });
    const forget = () => {
      if (this.#kept.get(id)?.look === look) this.#kept.delete(id);
    };
    look.then(() => setTimeout(forget, FRESH_MS).unref(), forget);
    return look;
  }

  /** What stands against contract of a shard besides what the look tells: see old-use.ts. */
  async usesOfOld({ addresses, bundle, observed }: Look, shard: string) {
    const address = addresses.find(({ name }) => name === shard);
    const isDual = observed.statuses.get(shard)?.state?.phase === 'dual';
    if (address === undefined || bundle === null || !isDual) return [];
    return usesOfOld(this.#parts.reader, address, bundle);
  }

  async #look(id: string): Promise<Look> {
    const { store } = this.#parts;
    const cluster = await readCluster(store.home, id);
    const addresses = await readAddresses(store.home, this.#parts, cluster);
    const looking = {
      declared: cluster.declared,
      addresses,
      ...(await this.#about(cluster, addresses)),
    };
    const observed = await observe(this.#parts, looking);
    const matrix = matrixOf(observed, addresses, looking.excluded);
    const { bundle } = looking;
    return { cluster, addresses, bundle, observed, matrix, seenAt: this.#clock() };
  }

  async #about(cluster: Cluster, addresses: Looking['addresses']) {
    const { store, bundles, reader } = this.#parts;
    const [open] = await askHome<CampaignRow>(
      store,
      `select ${CAMPAIGN_COLUMNS} from campaigns as c
       where c.cluster_id = $1 and c.started_at is not null and c.ended_at is null`,
      [cluster.id],
    );
    if (open === undefined) {
      const read = await readAll(reader, addresses);
      const told = read.map(({ address: { name }, status: { error, state } }) => ({
        name,
        state: error === null ? state : undefined,
      }));
      const { evolution, from, to } = await findBetween(store.home, cluster, told);
      const bundle: Bundle | null =
        evolution === null ? null : await bundles.read(store.home, evolution.hash);
      const nothing = { excluded: [], expected: [], health: new Map<string, boolean | null>() };
      return { between: { from, to }, bundle, read, ...nothing };
    }
    const bundle: Bundle | null = await bundles.read(store.home, open.bundle_hash);
    const steps = await readSteps(store.home, open.id);
    return {
      between: { from: open.from_release, to: open.to_release },
      ...{ bundle, excluded: open.excluded, health: healthOf(steps) },
      expected: open.servers.map(({ name }) => name),
    };
  }
}
