// Waiting for news, without missing what comes just before one waits.

import { setTimeout as delay } from 'node:timers/promises';

/** Rung any number of times before somebody waits, it wakes that one once. */
export class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Until it is rung, which it says, the time is over, or the signal. Never throws. */
  async wait(longestMs: number, signal: AbortSignal): Promise<boolean> {
    if (!this.#isRung && !signal.aborted) {
      await new Promise<void>((resolve) => {
        // Not by AbortSignal.any: what it makes of a signal that lives long stays in memory.
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, longestMs).unref();
        signal.addEventListener('abort', end);
        this.#wake = end;
      });
      this.#wake = undefined;
    }
    const wasRung = this.#isRung;
    this.#isRung = false;
    return wasRung;
  }
}

/** Ends early by the signal, and never throws. Does not keep the process alive. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => {});
}

/** Pauses between attempts: doubled each time, capped, and drawn so that servers do not meet. */
export interface Backoff {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** After the given number of failures, from 1: between half of the pause and all of it. */
export function pauseAfter(failures: number, { firstMs, longestMs }: Backoff): number {
  const full = Math.min(longestMs, firstMs * 2 ** Math.min(failures - 1, 30));
  return full * (0.5 + Math.random() / 2);
}
