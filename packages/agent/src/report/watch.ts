// Looks at the host again and again, as often as its servers want it, and sooner when something is
// known to have changed.

import { type Clock, pause, type Random } from '../clock.js';
import type { Log } from '../log.js';

export interface FactWatchOptions {
  /** Finds out about the host. @returns whether there is something to tell. */
  readonly look: () => Promise<boolean>;
  readonly wake: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Until a server has said how often. */
const FIRST_EVERY_MS = 60_000;
/** Either way, so that hosts which were booted together do not look together for ever. */
const JITTER = 0.1;

export class FactWatch {
  readonly #options: FactWatchOptions;
  readonly #stopping = new AbortController();
  #everyMs = FIRST_EVERY_MS;
  #waiting = new AbortController();
  /** Asked for while it was looking. */
  #isSoon = false;
  #running: Promise<void> | undefined;

  constructor(options: FactWatchOptions) {
    this.#options = options;
  }

  /** Looks at once. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** From now on; a wait that is under way ends earlier where it would be too long. */
  every(seconds: number): void {
    const isShorter = seconds * 1000 < this.#everyMs;
    this.#everyMs = seconds * 1000;
    if (isShorter) this.soon();
  }

  /** Something has changed. */
  soon(): void {
    this.#isSoon = true;
    this.#waiting.abort();
  }

  /** Returns when nothing is being looked at any more. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#waiting.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { look, wake, clock, random, log } = this.#options;
    while (!this.#stopping.signal.aborted) {
      this.#isSoon = false;
      try {
        if (await look()) wake();
      } catch (error) {
        // The next look may find what this one could not.
        log.error({ error }, 'this host could not be looked at');
      }
      if (this.#isSoon) continue;
      this.#waiting = new AbortController();
      const waitMs = this.#everyMs * (1 + (random() * 2 - 1) * JITTER);
      const signal = AbortSignal.any([this.#waiting.signal, this.#stopping.signal]);
      await pause(clock, waitMs, signal);
    }
  }
}
