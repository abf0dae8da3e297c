// Pseudo-random choices that a seed replays (mulberry32: 32 bits of state are enough for a test
// case).

export interface Random {
  /** A whole number from 0 up to, not with, `limit`. */
  below(limit: number): number;
  /** True so many times of a hundred. */
  percent(chance: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number) => Math.floor(next() * limit);
  const random: Random = {
    below,
    percent: (chance) => below(100) < chance,
    pick: (items) => {
      const found = items[below(items.length)];
      if (found === undefined) throw new Error('nothing to pick from');
      return found;
    },
    shuffled: (items) => {
      const left = [...items];
      const taken: (typeof left)[number][] = [];
      while (left.length > 0) taken.push(...left.splice(below(left.length), 1));
      return taken;
    },
  };
  return random;
}
