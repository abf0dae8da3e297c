// A clock that stands still until a test lets it go on.

import type { Clock } from '@halflap/agent';
import { Signals } from './signals.js';

interface Timer {
  readonly at: number;
  readonly call: () => void;
}

export class TestClock implements Clock {
  /** Of each timer: how long it was set for. */
  readonly set = new Signals<number>();
  #elapsed = 0;
  #offset = Date.now();
  #timers: Timer[] = [];

  now(): number {
    return this.#offset + this.#elapsed;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#elapsed + ms, call };
    this.#timers.push(timer);
    this.set.push(ms);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  }

  /** Somebody sets the host's clock; no timer takes notice. */
  jump(ms: number): void {
    this.#offset += ms;
  }

  /** Lets time pass, and calls what is due in its order. */
  advance(ms: number): void {
    const until = this.#elapsed + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((one) => one !== next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.call();
    }
    this.#elapsed = until;
  }
}
