// What stands against a step, as lines for people.

import type { Refusal } from './safety.js';

/** `server app2: app2 runs 1.0; upgrade it to 2.0`. */
export function linesOf(refusals: readonly Refusal[]): string[] {
  return refusals.map(({ by, name, why, remedy }) => `${by} ${name}: ${why}; ${remedy}`);
}
