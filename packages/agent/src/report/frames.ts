// One revision of facts, cut into messages that are each below the longest that is allowed. Pure.

import { MAX_FRAME_BYTES, type Report } from '@halflap/protocol/agent';
import type { Difference } from './difference.js';

/** One more is kept free than all that stands around the items of a message. */
const AROUND_BYTES = 1024;
const ROOM_BYTES = MAX_FRAME_BYTES - AROUND_BYTES;

/** `base` is null when the difference is everything. */
export function framesOf(
  { system, packages, services }: Difference,
  { revision, base }: Pick<Report, 'revision' | 'base'>,
): Report[] {
  const pieces: Difference[] = [
    ...(system === undefined ? [] : [{ system }]),
    ...cut(packages).map((part) => ({ packages: part })),
    ...cut(services).map((part) => ({ services: part })),
  ];
  const parts = pieces.length === 0 ? [{}] : joined(pieces);
  return parts.map((part, index) => ({
    type: 'report',
    revision,
    base,
    isLast: index === parts.length - 1,
    ...part,
  }));
}

interface Changes<Item> {
  readonly changed: Item[];
  readonly removed: string[];
}

/** Parts that fit into a message each, the removed keys in the first ones. */
function cut<Item>(changes: Changes<Item> | undefined): Changes<Item>[] {
  if (changes === undefined) return [];
  const parts: Changes<Item>[] = [{ changed: [], removed: [] }];
  let bytes = 0;
  const partFor = (item: unknown) => {
    const size = bytesOf(item) + 1;
    if (bytes + size > ROOM_BYTES) {
      parts.push({ changed: [], removed: [] });
      bytes = 0;
    }
    bytes += size;
    return parts.at(-1);
  };
  for (const key of changes.removed) partFor(key)?.removed.push(key);
  for (const item of changes.changed) partFor(item)?.changed.push(item);
  return parts;
}

/** Parts of different kinds share a message where they fit into it together. */
function joined(pieces: readonly Difference[]): Difference[] {
  const parts: Difference[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    const size = bytesOf(piece);
    const last = parts.at(-1);
    const isFree = last !== undefined && Object.keys(piece).every((key) => !(key in last));
    if (isFree && bytes + size <= ROOM_BYTES) {
      parts[parts.length - 1] = { ...last, ...piece };
      bytes += size;
    } else {
      parts.push(piece);
      bytes = size;
    }
  }
  return parts;
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
