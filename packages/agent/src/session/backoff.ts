// How long an agent waits before it tries again.
//
// Full jitter: the wait is drawn evenly from zero to a bound that doubles, so that a thousand
// agents whose server has died do not come back together. Source: M. Brooker, "Exponential Backoff
// And Jitter", AWS Architecture Blog, 2015.

import type { Goodbye } from '@halflap/protocol/agent';
import type { Random } from '../clock.js';

/** How a connection came to its end. */
export interface Ending {
  /** In words. */
  readonly reason: string;
  /** What the server said before it closed. */
  readonly goodbye: Goodbye | null;
  /** What a server that let nobody in asked for, or null. */
  readonly retryAfterMs: number | null;
}

/** Bound of the first wait; each further one has twice the bound, up to the longest. */
const FIRST_BOUND_MS = 1000;
const LONGEST_BOUND_MS = 120_000;

/**
 * Shortest waits of reasons that do not pass by themselves, in ms. `protocol`: somebody has to
 * upgrade one of the two. `replaced`: two agents with one identity would throw each other out
 * without end. `pending`: somebody has to approve the host.
 */
const SLOW_MS: Partial<Record<Goodbye['reason'], number>> = {
  protocol: 300_000,
  replaced: 30_000,
  pending: 10_000,
};

/** The wait after so many failures in a row: 0 for the first. */
export function fullJitter(failures: number, random: Random): number {
  return random() * Math.min(LONGEST_BOUND_MS, FIRST_BOUND_MS * 2 ** failures);
}

/** Evenly from half of it to one and a half. */
export function around(ms: number, random: Random): number {
  return ms * (0.5 + random());
}

/**
 * The wait after an ending: as long as the server asked for, at least as long as its reason needs,
 * and never without jitter, whatever the server asked for.
 *
 * @param at.isEverywhere whether each server in turn has given this reason.
 */
export function waitAfter(
  { goodbye, retryAfterMs }: Ending,
  at: { readonly failures: number; readonly isEverywhere: boolean },
  random: Random,
): number {
  // What one server cannot speak the next one may: its wish is for those that know no other.
  const asked = at.isEverywhere ? (goodbye?.reconnectAfterMs ?? retryAfterMs ?? 0) : 0;
  const slow = goodbye === null || !at.isEverywhere ? 0 : (SLOW_MS[goodbye.reason] ?? 0);
  return Math.max(around(Math.max(asked, slow), random), fullJitter(at.failures, random));
}
