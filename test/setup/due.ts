// What a run has time for. The longest suites take the same road for many cases, and what they hold
// changes seldom: with CI set, each day takes a third of such cases. Without, all are taken.

import { createHash } from 'node:crypto';

/** Days over which all cases have had their turn. */
const DAYS = 3;

/** Whether the case of this name has its turn today; always where time is not short. */
export function isDue(name: string): boolean {
  if (process.env.CI === undefined) return true;
  const day = Math.floor(Date.now() / 86_400_000);
  const turn = createHash('sha256').update(name).digest().readUInt16BE();
  return turn % DAYS === day % DAYS;
}
