// What has changed between what a server has acknowledged and what is found now. Pure.

import {
  type InstalledPackage,
  packageKey,
  type Report,
  type Service,
  type Snapshot,
  type SystemFacts,
  serviceKey,
} from '@halflap/protocol/agent';

/** Parts that have not changed are left out. */
export type Difference = Pick<Report, 'system' | 'packages' | 'services'>;

/** A disk that fills by less than this part of its size is told as it was. */
const DISK_STEP = 0.01;
/** The kernel computes its time of boot anew each time, from clocks that drift. */
const BOOT_STEP_MS = 60_000;

/**
 * What counts as known now: what could not be found out stays as it was, and so does what only
 * wavers. Without this an idle host would have something to tell each time.
 */
export function settled(before: Snapshot | null, now: Snapshot): Snapshot {
  if (before === null) return now;
  return {
    system: settledSystem(before.system, now.system),
    packages: now.packages ?? before.packages,
    services: now.services ?? before.services,
  };
}

/** All of `now` where there is no `before`. `now` is settled. */
export function differenceOf(before: Snapshot | null, now: Snapshot): Difference {
  const packages = changesOf<InstalledPackage>(before?.packages ?? null, now.packages, packageKey);
  const services = changesOf<Service>(before?.services ?? null, now.services, serviceKey);
  const isSystemNew = before === null || !isSame(before.system, now.system);
  return {
    ...(isSystemNew ? { system: now.system } : {}),
    ...(packages === null ? {} : { packages }),
    ...(services === null ? {} : { services }),
  };
}

export const isEmpty = (difference: Difference): boolean => Object.keys(difference).length === 0;

function settledSystem(before: SystemFacts, now: SystemFacts): SystemFacts {
  const disks = new Map(before.disks.map((disk) => [disk.mount, disk]));
  return {
    ...now,
    bootedAt: isSameBoot(before.bootedAt, now.bootedAt) ? before.bootedAt : now.bootedAt,
    disks: now.disks.map((disk) => {
      const known = disks.get(disk.mount);
      if (known === undefined || known.sizeBytes !== disk.sizeBytes) return disk;
      const moved = Math.abs(known.usedBytes - disk.usedBytes);
      return moved < disk.sizeBytes * DISK_STEP ? { ...disk, usedBytes: known.usedBytes } : disk;
    }),
  };
}

function isSameBoot(before: string | null, now: string | null): boolean {
  if (before === null || now === null) return false;
  return Math.abs(Date.parse(before) - Date.parse(now)) < BOOT_STEP_MS;
}

interface Changes<Item> {
  readonly changed: Item[];
  readonly removed: string[];
}

/** null where nothing has changed, or nothing is known now. */
function changesOf<Item>(
  before: readonly Item[] | null,
  now: readonly Item[] | null,
  keyOf: (item: Item) => string,
): Changes<Item> | null {
  if (now === null) return null;
  const known = new Map((before ?? []).map((item) => [keyOf(item), item]));
  const found = new Map(now.map((item) => [keyOf(item), item]));
  const changed = [...found].flatMap(([key, item]) => (isSame(known.get(key), item) ? [] : [item]));
  const removed = [...known.keys()].filter((key) => !found.has(key));
  const isSaid = before === null || changed.length > 0 || removed.length > 0;
  return isSaid ? { changed, removed } : null;
}

/** Of values that are made by the same code, so their fields are in the same order. */
function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
