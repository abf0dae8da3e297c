// Tells the server that the agent lives, and notices when the server does not any more.

import type { Clock, Random } from '../clock.js';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly everyMs: number;
  readonly beat: () => void;
  /** Nothing was heard for MAX_UNANSWERED intervals. Called once; it beats no more. */
  readonly dead: () => void;
}

const MAX_UNANSWERED = 2;

/**
 * Begins at once. The first beat comes after a part of the interval by chance, so that agents which
 * came together do not beat together for ever.
 *
 * @returns `heard`, to be called for whatever comes from the server, and `stop`.
 */
export function startHeartbeat({ clock, random, everyMs, beat, dead }: HeartbeatOptions) {
  // Counted in beats, not by a clock, which somebody may set.
  let unanswered = 0;
  let takeBack = clock.after(random() * everyMs, next);
  function next(): void {
    if (unanswered >= MAX_UNANSWERED) {
      dead();
      return;
    }
    unanswered += 1;
    takeBack = clock.after(everyMs, next);
    beat();
  }
  return {
    heard(): void {
      unanswered = 0;
    },
    stop: () => takeBack(),
  };
}
