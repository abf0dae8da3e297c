// What is true of a host, in one form for both releases, and the fleet's hosts before any load.
//
// Invariant: initialFacts(i) is what the loader writes for host i, so that a checker who knows only
// the number of hosts knows every row.

import { placementOf } from '../http/placement.js';

export const STATUSES = ['unknown', 'ok', 'degraded', 'down'] as const;

/** The fields that a person edits or monitoring sets: one writer each, so the last one is known. */
export interface Facts {
  readonly owner: string;
  readonly site: string | null;
  readonly memoryMb: number | null;
  readonly tags: readonly string[];
  readonly status: string;
  readonly reason: string | null;
}

/** What a server answers for a host, in the same form. */
export interface Answered extends Facts {
  readonly id: string;
  readonly name: string;
  readonly heartbeats: number;
  readonly lastSeen: string | null;
  readonly load: number | null;
  readonly agentVersion: string | null;
}

export const SITES = [
  { code: 'fra', city: 'Frankfurt' },
  { code: 'iad', city: 'Ashburn' },
  { code: 'sin', city: 'Singapore' },
  { code: 'zrh', city: 'Zurich' },
] as const;

export function hostName(index: number): string {
  return `host-${String(index).padStart(6, '0')}`;
}

/** Every sixth host never reported; every ninth has unknown memory and no site. */
export function initialFacts(index: number): Facts & { readonly heartbeats: number } {
  const status = STATUSES[index % STATUSES.length] ?? 'unknown';
  return {
    owner: `team-${index % 40}`,
    site: index % 9 === 0 ? null : (SITES[index % SITES.length]?.code ?? null),
    memoryMb: index % 9 === 0 ? null : 1024 * (1 + (index % 64)),
    tags: index % 3 === 0 ? [] : [`rack-${index % 50}`, index % 2 === 0 ? 'web' : 'db'],
    status,
    reason: status === 'down' ? `ticket ${index}` : null,
    heartbeats: index % 6 === 0 ? 0 : index % 100,
  };
}

/** Does not depend on who asks: the first `rows` × shards names, spread by their placement. */
export function hostsOf(shard: string, shards: readonly string[], hosts: number): number[] {
  return Array.from({ length: hosts }, (_, index) => index).filter(
    (index) => placementOf(hostName(index), shards) === shard,
  );
}

/** The fields of which the last acknowledged value is known; a sentence for each that differs. */
export function differences(expected: Facts, found: Facts): string[] {
  const fields = ['owner', 'site', 'memoryMb', 'tags', 'status', 'reason'] as const;
  return fields
    .filter((field) => String(expected[field]) !== String(found[field]))
    .map((field) => `${field}: expected ${expected[field]}, found ${found[field]}`);
}
