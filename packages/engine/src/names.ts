// Every name that Halflap generates, and the rule that keeps each within PostgreSQL's 63 bytes.

import { createHash } from 'node:crypto';
import { MAX_IDENTIFIER_BYTES } from '@halflap/protocol';

/** @throws TypeError when the name is empty or longer than PostgreSQL keeps. */
export function assertName(identifier: string): string {
  if (identifier === '' || Buffer.byteLength(identifier) > MAX_IDENTIFIER_BYTES) {
    throw new TypeError(`not an identifier PostgreSQL keeps whole: ${JSON.stringify(identifier)}`);
  }
  return identifier;
}

/** Joins the parts with `_`; a result that is too long is cut and ends in a hash of the whole. */
export function generatedName(...parts: readonly string[]): string {
  const whole = parts.join('_');
  if (Buffer.byteLength(whole) <= MAX_IDENTIFIER_BYTES) return whole;
  const hash = createHash('sha256').update(whole).digest('hex').slice(0, 8);
  let head = whole;
  while (Buffer.byteLength(head) > MAX_IDENTIFIER_BYTES - 9) head = head.slice(0, -1);
  return `${head}_${hash}`;
}

/** The schema that holds an evolution's machinery while it is under way. */
export function workSchema(app: string, toVersion: string): string {
  return generatedName('halflap', `${app}_${toVersion}`.toLowerCase().replace(/[^a-z0-9_]+/g, '_'));
}
