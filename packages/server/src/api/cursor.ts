// Where a list goes on: the place of the last row in the list's order, closed to clients.
//
// Invariant: a cursor holds the list that it belongs to, so that it cannot be used with another
// order; its values reach PostgreSQL as parameters. It is no secret and gives no rights.

import { createHash } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';

/** Values of the last row by which the list is ordered, as PostgreSQL prints them. */
export type Place = readonly string[];

export function cursorOf(list: object, place: Place): string {
  return Buffer.from(JSON.stringify([markOf(list), ...place])).toString('base64url');
}

/** @throws API_INVALID when it is none, or one of another list. */
export function placeOf(list: object, cursor: string, length: number): Place {
  const parts = partsOf(cursor);
  const [mark, ...place] = parts;
  if (mark === markOf(list) && place.length === length) return place;
  throw new HalflapError('API_INVALID', 'the cursor belongs to no such list', {
    detail: { fields: [{ field: 'query.cursor', rule: '`next` of a page of the same list' }] },
    hint: 'begin again without a cursor',
  });
}

function partsOf(cursor: string): readonly string[] {
  try {
    const parts: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const isList = Array.isArray(parts) && parts.every((part) => typeof part === 'string');
    return isList ? parts : [];
  } catch {
    return [];
  }
}

/** Tells lists apart: enough of a hash of what orders and filters them. */
function markOf(list: object): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 8);
}
