// Drives jobs: takes those that nobody drives, and does one step of each after the other until they
// have ended. Every server has one; a job has one server at a time, by its lease on the home shard,
// and another one when that server has been silent for as long as the lease lasts.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import { giveLease, takeLease } from '../store/leases.js';
import type { Log, Store } from '../store/store.js';
import type { Doorbell } from './doorbell.js';
import { type Driving, step } from './drive.js';
import { leaseOf } from './job.js';

export interface DriverOptions {
  readonly store: Store;
  readonly doorbell: Doorbell;
  /** The name of this server. */
  readonly server: string;
  /** After this time of silence another server goes on with the jobs of this one. */
  readonly leaseSeconds: number;
  readonly log: Log;
}

/** Between steps: the first while something moves, doubled while nothing does. */
const PAUSE_MS = { first: 100, longest: 1000 } as const;
/** Jobs that one server takes a step of at once. */
const AT_ONCE = 4;

interface Owned {
  readonly driving: Driving;
  readonly renewedAt: number;
}

export class Driver {
  readonly #options: DriverOptions;
  /** Another one after a restart: what the process before has begun must not go on unnoticed. */
  readonly #owner: string;
  readonly #owned = new Map<string, Owned>();
  readonly #loop: Promise<void>;
  #isStopping = false;
  #isKicked = false;
  #wake: () => void = () => {};

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#owner = `${options.server} ${randomUUID()}`;
    this.#loop = this.#run();
  }

  /** Something has changed: looks at once. */
  kick(): void {
    this.#isKicked = true;
    this.#wake();
  }

  /** Ends after the step under way, and gives its jobs to others. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let pauseMs: number = PAUSE_MS.first;
    while (!this.#isStopping) {
      const moved = this.#isKicked;
      this.#isKicked = false;
      const isCalm = !(await this.#round()) && !moved;
      pauseMs = isCalm ? Math.min(PAUSE_MS.longest, pauseMs * 2) : PAUSE_MS.first;
      await this.#pause(pauseMs);
    }
    const { store, log } = this.#options;
    const leases = [...this.#owned.values()].map(({ driving }) =>
      giveLease(store.home, driving.lease),
    );
    for (const given of await Promise.allSettled(leases)) {
      if (given.status === 'rejected')
        log.warn({ error: given.reason }, 'a job was not given back');
    }
  }

  /** @returns whether anything moved. */
  async #round(): Promise<boolean> {
    try {
      await this.#take();
    } catch (error) {
      this.#options.log.warn({ error }, 'jobs wait: the home shard does not answer');
      return false;
    }
    const owned = [...this.#owned.values()];
    let moved = false;
    for (let at = 0; at < owned.length && !this.#isStopping; at += AT_ONCE) {
      const some = owned.slice(at, at + AT_ONCE).map(({ driving }) => this.#step(driving));
      moved = (await Promise.all(some)).includes(true) || moved;
    }
    return moved;
  }

  /** Takes jobs that nobody drives, and renews the leases of its own. */
  async #take(): Promise<void> {
    const { store, leaseSeconds, doorbell, log } = this.#options;
    const { rows } = await store.home.query<{ id: string }>(
      `select j.id
       from jobs as j
       left join leases as l on l.name = 'job/' || j.id
       where j.state in ('running', 'stopping')
         and (l.name is null or l.owner = $1 or l.expires_at <= now())`,
      [this.#owner],
      { timeoutMs: TAKE_MS },
    );
    const open = new Set(rows.map(({ id }) => id));
    for (const id of this.#owned.keys()) if (!open.has(id)) this.#owned.delete(id);
    const dueAt = performance.now() - (leaseSeconds * 1000) / RENEWALS_PER_LEASE;
    for (const jobId of open) {
      const before = this.#owned.get(jobId);
      if (before !== undefined && before.renewedAt > dueAt) continue;
      const renewedAt = performance.now();
      const lease = await takeLease(
        store.home,
        { name: leaseOf(jobId), owner: this.#owner },
        leaseSeconds,
      );
      if (lease === null) this.#owned.delete(jobId);
      else this.#owned.set(jobId, { driving: { store, doorbell, log, lease, jobId }, renewedAt });
    }
  }

  async #step(driving: Driving): Promise<boolean> {
    const { jobId: job } = driving;
    try {
      const stepped = await step(driving);
      if (stepped === 'over') this.#owned.delete(job);
      return stepped !== 'quiet';
    } catch (error) {
      const isLost = error instanceof HalflapError && error.code === 'LEASE_LOST';
      if (isLost) this.#owned.delete(job);
      this.#options.log.warn({ job, error }, 'a step of a job failed; the next one goes on');
      return false;
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isStopping || this.#isKicked) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const RENEWALS_PER_LEASE = 3;
/** How long the home shard is waited for. */
const TAKE_MS = 5000;
