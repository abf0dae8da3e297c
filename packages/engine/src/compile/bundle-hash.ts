// The hash by which a bundle is known: in the file, in the shard, and in every object that it
// makes.

import { createHash } from 'node:crypto';
import { hashedText } from '@halflap/protocol';
import type { Bundle } from './bundle.js';

/** Hex SHA-256 of everything in the bundle but the hash itself and what was seen of its effects. */
export function bundleHash(bundle: Omit<Bundle, 'hash'>): string {
  return createHash('sha256').update(hashedText(bundle)).digest('hex');
}
