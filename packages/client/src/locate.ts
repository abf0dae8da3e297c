// Which shard holds a key.
//
// Rendezvous hashing: the key belongs to the name whose hash together with the key is the highest.
// The order of the names does not matter, and adding a shard moves only the keys that the new one
// gets. Source: Thaler and Ravishankar, Using Name-Based Mappings to Increase Hit Rates, 1998.

import { createHash } from 'node:crypto';

/** Chooses one of `names` for a key; must choose the same for the same arguments, for ever. */
export type Locate = (key: string, names: readonly string[]) => string;

/**
 * The default: highest first eight bytes, unsigned, of SHA-256 over `name`, a zero byte and `key`.
 * Shard names are part of the answer, so they must never change while data lives under them.
 */
export const locateByName: Locate = (key, names) => {
  let best = names[0] ?? '';
  let bestWeight = -1n;
  for (const name of names) {
    const weight = createHash('sha256').update(`${name}\0${key}`).digest().readBigUInt64BE();
    if (weight > bestWeight) {
      best = name;
      bestWeight = weight;
    }
  }
  return best;
};
