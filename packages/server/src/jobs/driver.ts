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
 * Between steps of a job: the shortest always, so that news that come together are one; then
 * doubled while nothing moves, up to the longest, or to so much for each job that a server has.
 */
const PAUSE_MS = { shortest: 50, longest: 1000, perJob: 20 } as const;
/** How often jobs that nobody drives are looked for. */
const LOOK_MS = 1000;
/** Jobs that one server takes a step of at once. */
const AT_ONCE = 4;

interface Owned {
  readonly driving: Driving;
  /** By the clock of `performance`. */
  dueAt: number;
  pauseMs: number;
}

export class Driver {
  readonly #options: DriverOptions;
  /** Another one after a restart: what the process before has begun must not go on unnoticed. */
  readonly #owner: string;
  readonly #owned = new Map<string, Owned>();
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

  /**
   * Something has changed, of that job or of jobs that nobody drives: looks without delay.
   * @returns false when the job is another server's.
   */
  kick(job?: string): boolean {
    const owned = job === undefined ? undefined : this.#owned.get(job);
    if (owned !== undefined) owned.dueAt = 0;
    else if (job !== undefined) return false;
    this.#isKicked = true;
    this.#wake();
    return true;
  }

  /** Ends after the step under way, and gives its jobs to others. Idempotent. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#wake();
    await this.#loop;
  }

  async #run(): Promise<void> {
    let lookAt = 0;
    while (!this.#isStopping) {
      this.#isKicked = false;
      if (performance.now() >= lookAt) {
        await this.#look();
        lookAt = performance.now() + LOOK_MS;
      }
      await this.#round();
      await this.#sleep(PAUSE_MS.shortest);
      if (this.#isKicked) lookAt = 0;
      else {
        const dueAt = Math.min(lookAt, ...[...this.#owned.values()].map((one) => one.dueAt));
        await this.#sleep(dueAt - performance.now());
        if (this.#isKicked) lookAt = 0;
      }
    }
    clearInterval(this.#renewal);
    await this.#giveBack();
  }

  async #giveBack(): Promise<void> {
    const { store, log } = this.#options;
    const leases = [...this.#owned.values()].map(({ driving }) =>
      giveLease(store.home, driving.lease),
    );
    for (const given of await Promise.allSettled(leases)) {
      if (given.status === 'rejected')
        log.warn({ error: given.reason }, 'a job was not given back');
    }
  }

  async #look(): Promise<void> {
    try {
      await this.#take();
    } catch (error) {
      this.#options.log.warn({ error }, 'jobs wait: the home shard does not answer');
    }
  }

  async #round(): Promise<void> {
    const now = performance.now();
    const due = [...this.#owned.values()].filter(({ dueAt }) => dueAt <= now);
    for (let at = 0; at < due.length && !this.#isStopping; at += AT_ONCE) {
      await Promise.all(due.slice(at, at + AT_ONCE).map((owned) => this.#step(owned)));
    }
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
      if (lease === null) continue;
      const driving = { store, doorbell, log, lease, jobId };
      this.#owned.set(jobId, { driving, dueAt: 0, pauseMs: 0 });
    }
  }

  async #renew(): Promise<void> {
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    const { store, leaseSeconds, log } = this.#options;
    try {
      for (const [jobId, owned] of this.#owned) {
        const isMine = await renewLease(store.home, owned.driving.lease, leaseSeconds);
        if (!isMine && this.#owned.get(jobId) === owned) this.#owned.delete(jobId);
      }
    } catch (error) {
      log.warn({ error }, 'leases of jobs were not renewed');
    } finally {
      this.#isRenewing = false;
    }
  }

  async #step(owned: Owned): Promise<void> {
    // A kick during the step makes the next one due at once.
    owned.dueAt = Number.POSITIVE_INFINITY;
    const moved = await this.#tryStep(owned);
    const longest = Math.max(PAUSE_MS.longest, this.#owned.size * PAUSE_MS.perJob);
    owned.pauseMs = moved ? PAUSE_MS.shortest : Math.min(longest, owned.pauseMs * 2);
    owned.pauseMs = Math.max(PAUSE_MS.shortest, owned.pauseMs);
    owned.dueAt = Math.min(owned.dueAt, performance.now() + owned.pauseMs);
  }

  /** @returns whether anything moved. */
  async #tryStep(owned: Owned): Promise<boolean> {
    const { jobId: job } = owned.driving;
    const leave = () => this.#owned.get(job) === owned && this.#owned.delete(job);
    try {
      const stepped = await step(owned.driving);
      if (stepped === 'over') leave();
      return stepped !== 'quiet';
    } catch (error) {
      if (error instanceof HalflapError && error.code === 'LEASE_LOST') leave();
      this.#options.log.warn({ job, error }, 'a step of a job failed; the next one goes on');
      return false;
    }
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
