// How many messages a subscription has in hand, and how many of its handlers run: what makes a slow
// consumer take less instead of piling up.
//
// Claims of several shards that are under way at once may together bring more than there was room
// for; that is not reserved before, because a shard that does not answer would keep the others from
// theirs. Handlers are never more than the limit.

import { Bell } from './bell.js';

/** How long to wait for room before one looks anew; only a bound, since room is told. */
const LOOK_MS = 60_000;

export class Slots {
  readonly #limit: number;
  #inHand = 0;
  #running = 0;
  readonly #turns: (() => void)[] = [];
  readonly #bells = new Set<Bell>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get inHand(): number {
    return this.#inHand;
  }

  /** Resolves when there is room, with how much; with 0 by the signal. */
  async free(signal: AbortSignal): Promise<number> {
    const bell = new Bell();
    this.#bells.add(bell);
    while (this.#inHand >= this.#limit && !signal.aborted) await bell.wait(LOOK_MS, signal);
    this.#bells.delete(bell);
    return signal.aborted ? 0 : this.#limit - this.#inHand;
  }

  take(messages: number): void {
    this.#inHand += messages;
  }

  give(messages: number): void {
    this.#inHand -= messages;
    for (const bell of this.#bells) bell.ring();
  }

  /** Runs `work` as soon as fewer than the limit run. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#limit) this.#running += 1;
    // Whoever ends hands its place on.
    else await new Promise<void>((resolve) => this.#turns.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#turns.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
