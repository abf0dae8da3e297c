// Changes of whole tables that cannot work side by side: each of them fills its tables by itself,
// so a table that two of them name would be made twice.

import type { Change, Evolution } from '../release/evolution.js';
import { refuse } from './refuse.js';

/** A change, or several that are compiled as one, with the tables that it works on. */
export interface Restructured {
  readonly changes: readonly Change[];
  readonly olds: readonly string[];
  readonly news: readonly string[];
}

/** @throws EVOLUTION_UNSUPPORTED for two that have a table in common. */
export function assertApart(all: readonly Restructured[], evolution: Evolution): void {
  for (const [index, one] of all.entries()) {
    for (const other of all.slice(index + 1)) {
      const table =
        one.olds.find((name) => other.olds.includes(name)) ??
        one.news.find((name) => other.news.includes(name));
      if (table === undefined) continue;
      const [first, second] = pairOf(one, other);
      throw refuse(evolution, {
        code: 'EVOLUTION_UNSUPPORTED',
        message:
          `${second.kind} works on table ${table}, as ${first.kind} on line ${first.at.line} ` +
          'does: the two cannot be done at once',
        hint: 'state both as one custom change, which says how each table follows from the others',
        at: second.at,
      });
    }
  }
}

/** In the order of the file. */
function pairOf(one: Restructured, other: Restructured): readonly [Change, Change] {
  const [left, right] = [one.changes[0] as Change, other.changes[0] as Change];
  const isInOrder =
    left.at.line < right.at.line ||
    (left.at.line === right.at.line && left.at.column < right.at.column);
  return isInOrder ? [left, right] : [right, left];
}
