// Tells other servers of jobs whose runs have ended here: those that come together at once. A
// message that is lost costs the driver's next look, a second later.

import type { Log, Store } from '../store/store.js';
import type { Doorbell } from './doorbell.js';

/** Endings within this time are one message. */
const TOGETHER_MS = 100;

export class Endings {
  readonly #on: { readonly store: Store; readonly doorbell: Doorbell; readonly log: Log };
  #jobs = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();

  constructor(on: { readonly store: Store; readonly doorbell: Doorbell; readonly log: Log }) {
    this.#on = on;
  }

  add(job: string): void {
    this.#jobs.add(job);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#work = this.#tell();
    }, TOGETHER_MS);
  }

  /** What was not told yet is not told any more. Idempotent. */
  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#work;
  }

  async #tell(): Promise<void> {
    const { store, doorbell, log } = this.#on;
    const jobs = [...this.#jobs];
    this.#jobs = new Set();
    const { home } = store;
    try {
      await home.transaction((client) => doorbell.ended({ client, shard: home.name }, jobs));
    } catch (error) {
      log.debug({ error }, 'the ends of runs were not told');
    }
  }
}
