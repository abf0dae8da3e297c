// Whether two catalogues are the same, as one short string.

import { createHash } from 'node:crypto';
import type { Catalog } from './catalog.js';

const LEFT_OUT = new Set(['comment', 'partitions', 'settings']);

/**
 * Hex SHA-256 of the catalogue in canonical form: keys sorted; without comments and settings, since
 * they change nothing that an application can do and customers tune them, and without partitions,
 * since each shard has its own. Equal exactly when compare.ts finds no
 * difference.
 */
export function fingerprint(catalog: Catalog): string {
  const canonical = JSON.stringify(catalog, (key, value: unknown) =>
    LEFT_OUT.has(key) || isNone(key, value) ? undefined : withSortedKeys(value),
  );
  return createHash('sha256').update(canonical).digest('hex');
}

/** What few tables have says nothing where there is none: catalogues were compared without it. */
function isNone(key: string, value: unknown): boolean {
  if (key === 'rowSecurityForced') return value === false;
  return key === 'exclusions' && Array.isArray(value) && value.length === 0;
}

function withSortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries);
}
