// Ids that follow from what they stand for: whoever makes one again makes the same.

import { createHash } from 'node:crypto';

/** A UUID of version 8 (RFC 9562, section 5.8), of the first bytes of a digest. */
export function digestId(of: string | Uint8Array): string {
  const bytes = createHash('sha256').update(of).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
