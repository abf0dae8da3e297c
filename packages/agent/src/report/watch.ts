// Looks at the host again and again, as often as its servers want it, and sooner when something is
// known to have changed.

import { type Clock, pause, type Random } from '../clock.js';
import type { Log } from '../log.js';

export interface FactWatchOptions {
  /**
   * Finds out about the host, unless the signal comes first.
   *
   * @returns whether there is something to tell.
   */
  readonly look: (signal: AbortSignal) => Promise<boolean>;
  readonly wake: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Until a server has said how often. */
const FIRST_EVERY_MS = 60_000;
/** Either way, so that hosts which were booted together do not look together for ever. */
const JITTER = 0.1;
/** What changes does so more than once: a look comes no sooner after its cause, or another look. */
const SETTLE_MS = 2000;

export class FactWatch {
  readonly #options: FactWatchOptions;
  readonly #stopping = new AbortController();
  #everyMs = FIRST_EVERY_MS;
  #waiting = new AbortController();
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
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#isSoon = false;
      this.#waiting = new AbortController();
      try {
        if (await look(signal)) wake();
      } catch (error) {
        // The next look may find what this one could not.
        if (!signal.aborted) log.error({ error }, 'this host could not be looked at');
      }
      const waitMs = this.#everyMs * (1 + (random() * 2 - 1) * JITTER);
      if (!this.#isSoon) await pause(clock, waitMs, this.#waiting.signal);
      if (this.#isSoon) await pause(clock, SETTLE_MS, signal);
    }
  }
}
