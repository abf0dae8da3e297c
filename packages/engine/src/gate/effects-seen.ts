// What was seen of statements, put together: a statement that acts in several ways, depending on
// where the shard comes from, has all their effects.

import { type Effects, type HeldLock, LOCK_MODES } from '../compile/bundle.js';

/** Effects by the id of the step, in the order of its statements. */
export type Seen = Map<string, Effects[]>;

const NOTHING: Effects = { locks: [], rewrites: [], reads: [] };

export function note(seen: Seen, step: string, at: number, effects: Effects): void {
  const list = seen.get(step) ?? [];
  while (list.length <= at) list.push(NOTHING);
  list[at] = both(list[at] ?? NOTHING, effects);
  seen.set(step, list);
}

/** Of what was seen where tables have moved, what is stronger than anywhere else is marked. */
export function together(atHome: Seen, moved: Seen): Record<string, readonly Effects[]> {
  const all: Seen = new Map([...atHome].map(([step, list]) => [step, [...list]]));
  for (const [step, list] of moved) {
    const known = (atHome.get(step) ?? []).flatMap(({ locks }) => locks);
    const isKnown = (lock: HeldLock) =>
      known.some((one) => one.relation === lock.relation && rankOf(one) >= rankOf(lock));
    for (const [at, effects] of list.entries()) {
      const more = effects.locks.filter((lock) => !isKnown(lock));
      note(all, step, at, {
        ...effects,
        locks: more.map((lock) => ({ ...lock, isOnlyMoved: true })),
      });
    }
  }
  return Object.fromEntries(all);
}

function both(one: Effects, other: Effects): Effects {
  const locks = new Map<string, HeldLock>();
  for (const lock of [...one.locks, ...other.locks]) {
    const key = `${lock.relation} ${lock.isOnlyMoved}`;
    const known = locks.get(key);
    if (known === undefined || rankOf(known) < rankOf(lock)) locks.set(key, lock);
  }
  return {
    locks: [...locks].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, lock]) => lock),
    rewrites: union(one.rewrites, other.rewrites),
    reads: union(one.reads, other.reads),
  };
}

function union(one: readonly string[], other: readonly string[]): string[] {
  return [...new Set([...one, ...other])].sort();
}

function rankOf({ mode }: HeldLock): number {
  return LOCK_MODES.indexOf(mode);
}
