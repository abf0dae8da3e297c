// How fast one agent may speak. Somebody who sends without end is cut off, not slowed down: to read
// him slowly would keep what he has sent in memory.

export interface PaceLimits {
  /** Messages in a second, over a long time. */
  readonly perSecond: number;
  /** Messages that may come at once. */
  readonly burst: number;
}

/** @param now milliseconds of a clock that never goes back */
export class Pace {
  readonly #limits: PaceLimits;
  readonly #now: () => number;
  #left: number;
  #at: number;

  constructor(limits: PaceLimits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
    this.#left = limits.burst;
    this.#at = now();
  }

  /** Whether one more is within the limits. */
  allows(): boolean {
    const now = this.#now();
    const gained = ((now - this.#at) / 1000) * this.#limits.perSecond;
    this.#left = Math.min(this.#limits.burst, this.#left + gained);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
