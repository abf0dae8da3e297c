// Choices that a seed replays. Each part of the run has a row of its own, so that what one of them
// does more often, because it was faster, changes nothing for the others.

import { chanceOf } from '../simulator/facts.js';

export interface Chance {
  /** Evenly from 0 to 1. */
  next(): number;
  /** A whole number from `least` up to, with, `most`. */
  between(least: number, most: number): number;
  pick<Item>(items: readonly Item[]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
}

export function chanceFrom(seed: number, row: number): Chance {
  let drawn = 0;
  const next = () => {
    drawn += 1;
    return chanceOf(seed, row, drawn);
  };
  const between = (least: number, most: number) => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    pick: (items) => {
      const found = items[between(0, items.length - 1)];
      if (found === undefined) throw new Error('there is nothing to pick from');
      return found;
    },
    shuffled: (items) => {
      const left = [...items];
      const taken: (typeof left)[number][] = [];
      while (left.length > 0) taken.push(...left.splice(between(0, left.length - 1), 1));
      return taken;
    },
  };
}
