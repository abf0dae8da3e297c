// What a cluster is seen to be: which release each of its servers runs, and where each of its
// shards stands. Everything that campaigns decide is decided from this, each time anew; nothing
// here is remembered.
//
// A campaign leads a cluster between two adjacent releases. A server or a shard at any other
// release is one that the campaign does not understand, and whatever would rest on it is refused.

import type { Phase } from '@halflap/protocol';

export interface World {
  readonly from: string;
  readonly to: string;
  readonly servers: readonly ServerSeen[];
  readonly shards: readonly ShardSeen[];
  /** Features of `to` that somebody has enabled: what a server of `from` cannot know. */
  readonly features: readonly string[];
}

export interface ServerSeen {
  /** By which it registers on shards. */
  readonly name: string;
  /** The release whose package is installed; null when that is not known. */
  readonly installed: string | null;
  /** Releases by its live leases, each once: two while its processes are being replaced. */
  readonly running: readonly string[];
  /** Its agent is connected, and what it has installed is what it says now. */
  readonly isConnected: boolean;
  /** As its health check said last; null when there is none, or it has not been asked. */
  readonly isHealthy: boolean | null;
  /** Left out of the campaign by an operator: nothing is done to it, but what it runs counts. */
  readonly isExcluded: boolean;
}

export interface ShardSeen {
  readonly name: string;
  /** Why nothing is known of it; null when all below is what it says now. */
  readonly unreachable: string | null;
  readonly phase: Phase;
  /** The oldest release that it serves. */
  readonly floor: string;
  /** The newest that it has an evolution for; the floor where there is none under way. */
  readonly ceiling: string;
  /** A server of `to` may work with it before it is prepared, by a lens of its own session. */
  readonly takesSessionLens: boolean;
  /** Rows that could not be carried. */
  readonly quarantined: number;
  /** Verify has passed, lately enough for contract. */
  readonly isVerified: boolean;
  /** Why its evolution does not go on; null when it does, or need not. */
  readonly blocked: string | null;
  readonly leases: readonly LeaseSeen[];
  /** Left out of the campaign by an operator. */
  readonly isExcluded: boolean;
}

/** Who works with a shard: by a lease, or without the client by the name of its sessions. */
export interface LeaseSeen {
  readonly server: string;
  readonly release: string;
  /** `refused`: it has sessions, and the shard does not serve its release. */
  readonly mode: 'native' | 'lens' | 'session' | 'refused';
}

/** Phases in which the tables of the old release are served. */
const OLD_IS_SERVED: readonly Phase[] = ['prepared', 'expanding', 'dual'];

/** How a shard serves a release; null: it refuses it. */
export function serviceOf(
  shard: Pick<ShardSeen, 'phase' | 'floor' | 'ceiling' | 'takesSessionLens'>,
  release: string,
  to: string,
): 'native' | 'lens' | null {
  const { phase, floor, ceiling } = shard;
  if (phase === 'settled') {
    if (release === floor) return 'native';
    return release === to && shard.takesSessionLens && ceiling === floor ? 'lens' : null;
  }
  if (release === floor) return OLD_IS_SERVED.includes(phase) ? 'native' : null;
  if (release !== ceiling) return null;
  return phase === 'prepared' || phase === 'expanding' ? 'lens' : 'native';
}

/** What a server runs, or would run when it starts: all that has to be served. */
export function releasesOf({ running, installed }: ServerSeen): readonly string[] {
  const all = installed === null ? running : [...running, installed];
  return [...new Set(all)];
}

/** Whether a server is where it should be, and nothing else of it lives. */
export function isAt(server: ServerSeen, release: string): boolean {
  const { installed, running } = server;
  return installed === release && running.every((one) => one === release);
}

/** Names of servers that live by their leases and that the cluster does not declare. */
export function strangersOf({ servers, shards }: World): readonly LeaseSeen[] {
  const known = new Set(servers.map(({ name }) => name));
  const found = new Map<string, LeaseSeen>();
  for (const lease of shards.flatMap(({ leases }) => leases)) {
    if (!known.has(lease.server)) found.set(`${lease.server} ${lease.release}`, lease);
  }
  return [...found.values()];
}
