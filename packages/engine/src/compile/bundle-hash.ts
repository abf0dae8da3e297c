// The hash by which a bundle is known: in the file, in the shard, and in every object that it
// makes.
//
// Invariant: it depends on the data alone, not on the order of keys, on white space, or on whether
// the bundle has just been compiled or read back from a file.

import { createHash } from 'node:crypto';
import type { Bundle } from './bundle.js';

/** Hex SHA-256 of everything in the bundle but the hash itself and what was seen of its effects. */
export function bundleHash(bundle: Omit<Bundle, 'hash'>): string {
  const { hash: _, effects: __, ...rest } = { hash: '', ...bundle };
  return createHash('sha256').update(JSON.stringify(rest, sortKeys)).digest('hex');
}

function sortKeys(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}
