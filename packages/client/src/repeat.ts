// Running again what had no effect, a capped number of times, after a jittered pause.

import { setTimeout as sleep } from 'node:timers/promises';
import { isContention, isStalePlan } from './failure.js';

/**
 * First pause is up to this; each further one up to twice the one before. Of a deadlock's order.
 */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Runs `attempt` until it succeeds, at most `limit` times more after deadlocks, serialization
 * failures and locks that were not to be had in time, and once more after a stale plan whatever the
 * limit. Any other error passes at once. The pause is drawn evenly from zero to its bound, so that
 * victims of one deadlock do not meet again.
 */
export async function repeatedly<Value>(
  limit: number,
  attempt: () => Promise<Value>,
): Promise<Value> {
  let contentions = 0;
  let wasStale = false;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (isStalePlan(error) && !wasStale) {
        wasStale = true;
      } else if (isContention(error) && contentions < limit) {
        const boundMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** contentions);
        contentions += 1;
        await sleep(Math.random() * boundMs);
      } else {
        throw error;
      }
    }
  }
}
