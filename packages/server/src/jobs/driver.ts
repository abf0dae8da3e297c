// Drives jobs: takes those that nobody drives, and does one step of each after the other until they
// have ended. Every server has one; a job has one server at a time, by its lease on the home shard,
// and another one when that server has been silent for as long as the lease lasts.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import { giveLease, renewLease, takeLease } from '../store/leases.js';
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

/**
 * Between steps: the shortest always, so that news that come together are one; then doubled while
 * nothing moves.
 */
const PAUSE_MS = { shortest: 50, longest: 1000 } as const;
/** Jobs that one server takes a step of at once. */
const AT_ONCE = 4;

export class Driver {
  readonly #options: DriverOptions;
  /** Another one after a restart: what the process before has begun must not go on unnoticed. */
  readonly #owner: string;
  readonly #owned = new Map<string, Driving>();
  readonly #loop: Promise<void>;
  readonly #renewal: NodeJS.Timeout;
  #isRenewing = false;
  #isStopping = false;
  #isKicked = false;
  #wake: () => void = () => {};

  constructor(options: DriverOptions) {
    this.#options = options;
    this.#owner = `${options.server} ${randomUUID()}`;
    this.#loop = this.#run();
    // Apart from the steps: one may wait for a shard that does not answer.
    const everyMs = (options.leaseSeconds * 1000) / RENEWALS_PER_LEASE;
    this.#renewal = setInterval(() => void this.#renew(), everyMs);
  }

  /** Something has changed: looks without delay. */
  kick(): void {
    if (this.#isKicked) return;
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
    let pauseMs: number = PAUSE_MS.shortest;
    while (!this.#isStopping) {
      const isKicked = this.#isKicked;
      this.#isKicked = false;
      const isMoving = (await this.#round()) || isKicked;
      pauseMs = isMoving ? PAUSE_MS.shortest : Math.min(PAUSE_MS.longest, pauseMs * 2);
      await this.#pause(pauseMs);
    }
    clearInterval(this.#renewal);
    const { store, log } = this.#options;
    const leases = [...this.#owned.values()].map(({ lease }) => giveLease(store.home, lease));
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
      const some = owned.slice(at, at + AT_ONCE).map((driving) => this.#step(driving));
      moved = (await Promise.all(some)).includes(true) || moved;
    }
    return moved;
  }

  /** Takes jobs that nobody drives. */
  async #take(): Promise<void> {
    const { store, leaseSeconds, doorbell, log } = this.#options;
    const { rows } = await store.home.query<{ id: string }>(
      `select j.id
       from jobs as j
       left join leases as l on l.name = 'job/' || j.id
       where j.state in ('running', 'stopping') and (l.name is null or l.expires_at <= now())`,
      [],
      { timeoutMs: TAKE_MS },
    );
    for (const { id: jobId } of rows) {
      const name = leaseOf(jobId);
      const lease = await takeLease(store.home, { name, owner: this.#owner }, leaseSeconds);
      if (lease !== null) this.#owned.set(jobId, { store, doorbell, log, lease, jobId });
    }
  }

  async #renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    const { store, leaseSeconds, log } = this.#options;
    try {
      for (const [jobId, { lease }] of this.#owned) {
        const isMine = await renewLease(store.home, lease, leaseSeconds);
        if (!isMine && this.#owned.get(jobId)?.lease === lease) this.#owned.delete(jobId);
      }
    } catch (error) {
      log.warn({ error }, 'leases of jobs were not renewed');
    } finally {
      this.#isRenewing = false;
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
    await this.#sleep(PAUSE_MS.shortest);
    if (!this.#isKicked) await this.#sleep(ms - PAUSE_MS.shortest);
  }

  /** Until the time is over; a kick ends it early. */
  async #sleep(ms: number): Promise<void> {
    if (ms <= 0 || this.#isStopping) return;
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
