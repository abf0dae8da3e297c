// All that is known of a host at one time, and how reports change it. What an agent keeps of the
// last acknowledged report is stated by the same shape.

import { type Static, Type } from 'typebox';
import { InstalledPackage, packageKey, Service, SystemFacts } from './facts.js';
import type { Report } from './frames.js';
import { checkOf, nullable } from './shape.js';

/** Lists are in no order, each key in it once. A list that could not be told is null. */
export const Snapshot = Type.Object({
  system: SystemFacts,
  packages: nullable(Type.Array(InstalledPackage)),
  services: nullable(Type.Array(Service)),
});
export type Snapshot = Static<typeof Snapshot>;

/** @see checkOf. Of a snapshot that comes from a file. */
export const checkSnapshot = checkOf(Snapshot);

export const serviceKey = (one: Service): string => one.name;

/**
 * What is known after all messages of one revision; `before` is what was known at their base.
 * @throws Error when the first report, which has no base, leaves out the system.
 */
export function applyReport(before: Snapshot | null, parts: readonly Report[]): Snapshot {
  const base = parts[0]?.base === null ? null : before;
  const system = parts.flatMap((part) => part.system ?? []).at(-1) ?? base?.system;
  if (system === undefined) throw new Error('a report without a base must tell the system');
  const packages = parts.flatMap((part) => part.packages ?? []);
  const services = parts.flatMap((part) => part.services ?? []);
  return {
    system,
    packages: applied(base?.packages ?? null, packages, packageKey),
    services: applied(base?.services ?? null, services, serviceKey),
  };
}

interface Changes<Item> {
  readonly changed: readonly Item[];
  readonly removed: readonly string[];
}

function applied<Item>(
  before: readonly Item[] | null,
  changes: readonly Changes<Item>[],
  keyOf: (item: Item) => string,
): Item[] | null {
  if (changes.length === 0) return before === null ? null : [...before];
  const items = new Map((before ?? []).map((item) => [keyOf(item), item]));
  for (const { changed, removed } of changes) {
    for (const key of removed) items.delete(key);
    for (const item of changed) items.set(keyOf(item), item);
  }
  return [...items.values()];
}
