// The facts of one simulated host, and which of them a server does not have yet.

import type { ReportsDuty } from '@halflap/agent';
import type { Report } from '@halflap/protocol/agent';
import { packageAt, packagesOf, serviceAt, servicesOf, somePlace, systemOf } from './facts.js';
import type { Told } from './host-facts.js';

interface Change {
  readonly revision: number;
  readonly part: 'package' | 'service';
  readonly at: number;
}

export interface ReportsOptions {
  /** Tells the system alone, where packages and services would only take time. */
  readonly isBrief?: boolean;
  /** A server has stored what was told. */
  readonly onStored?: () => void;
}

export class SimulatedReports implements ReportsDuty {
  acknowledged = 0;
  readonly #host: number;
  #revision = 1;
  readonly #upgrades = new Map<number, number>();
  readonly #failed = new Set<number>();
  /** Null: all is to be told. */
  #changes: Change[] | null = null;

  readonly #isBrief: boolean;
  readonly #onStored: () => void;

  constructor(host: number, { isBrief = false, onStored = () => {} }: ReportsOptions = {}) {
    this.#host = host;
    this.#isBrief = isBrief;
    this.#onStored = onStored;
  }

  /** A server has all of it, as it is now. */
  get isStored(): boolean {
    return this.#changes !== null && this.#changes.length === 0;
  }

  /** As they are now, whatever servers know. */
  facts(): Told {
    if (this.#isBrief) return { system: systemOf(this.#host), packages: [], services: [] };
    return {
      system: systemOf(this.#host),
      packages: packagesOf(this.#host, this.#upgrades),
      services: servicesOf(this.#host, this.#failed),
    };
  }

  /** A package is upgraded, or a service fails or runs again. */
  change(random: () => number): void {
    this.#revision += 1;
    const revision = this.#revision;
    const place = somePlace(this.#host, random);
    if (random() < 0.5) {
      this.#upgrades.set(place.package, (this.#upgrades.get(place.package) ?? 0) + 1);
      this.#changes?.push({ revision, part: 'package', at: place.package });
      return;
    }
    if (!this.#failed.delete(place.service)) this.#failed.add(place.service);
    this.#changes?.push({ revision, part: 'service', at: place.service });
  }

  pending(): readonly Report[] {
    if (this.#changes === null) return [this.#full()];
    return this.#changes.length === 0 ? [] : [this.#delta(this.#changes)];
  }

  async reported(revision: number, isNeeded: boolean): Promise<void> {
    this.acknowledged = revision;
    if (isNeeded) {
      this.#revision = Math.max(this.#revision, revision) + 1;
      this.#changes = null;
      return;
    }
    // What has changed since all was told is not known one by one: all is told once more.
    if (this.#changes === null && revision === this.#revision) this.#changes = [];
    this.#changes = this.#changes?.filter((one) => one.revision > revision) ?? null;
    this.#onStored();
  }

  #full(): Report {
    const [host, all] = [this.#host, { base: null, isLast: true, revision: this.#revision }];
    if (this.#isBrief) return { type: 'report', ...all, system: systemOf(host) };
    return {
      type: 'report',
      ...all,
      system: systemOf(host),
      packages: { changed: packagesOf(this.#host, this.#upgrades), removed: [] },
      services: { changed: servicesOf(this.#host, this.#failed), removed: [] },
    };
  }

  #delta(changes: readonly Change[]): Report {
    const places = (part: Change['part']) => [
      ...new Set(changes.filter((one) => one.part === part).map(({ at }) => at)),
    ];
    const packages = places('package').flatMap(
      (at) => packageAt(this.#host, at, this.#upgrades.get(at)) ?? [],
    );
    const services = places('service').flatMap(
      (at) => serviceAt(this.#host, at, this.#failed.has(at)) ?? [],
    );
    return {
      type: 'report',
      revision: this.#revision,
      base: this.acknowledged,
      isLast: true,
      ...(packages.length > 0 && { packages: { changed: packages, removed: [] } }),
      ...(services.length > 0 && { services: { changed: services, removed: [] } }),
    };
  }
}
