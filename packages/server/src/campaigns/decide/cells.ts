// The matrix of servers × shards: how each server works with each shard now.

import {
  type LeaseSeen,
  releasesOf,
  type ServerSeen,
  type ShardSeen,
  serviceOf,
  type World,
} from './world.js';

export const CELL_STATES = ['native', 'lens', 'waiting', 'refused', 'unreachable'] as const;
export type CellState = (typeof CELL_STATES)[number];

export interface Cell {
  readonly state: CellState;
  /** Of the server, as it is registered on the shard; else what it would run. */
  readonly release: string | null;
  /** Why it does not work; null when it does. */
  readonly why: string | null;
  /** What would unblock it; null when nothing is blocked. */
  readonly remedy: string | null;
}

/** A row for each server, in it a cell for each shard. */
export function cellsOf({ servers, shards, to }: World): readonly (readonly Cell[])[] {
  const columns = shards.map((shard) => ({ shard, leases: leasesByServer(shard, to) }));
  return servers.map((server) => {
    const [wouldRun = null] = releasesOf(server);
    return columns.map(({ shard, leases }) => {
      const lease = leases.get(server.name);
      return cellOf({ server, shard, lease, release: lease?.release ?? wouldRun }, to);
    });
  });
}

/** Of each server the one that is served worst: it may have processes of both releases. */
function leasesByServer(shard: ShardSeen, to: string): ReadonlyMap<string, LeaseSeen> {
  const found = new Map<string, LeaseSeen>();
  for (const lease of shard.leases) {
    const other = found.get(lease.server);
    if (other === undefined || rankOf(lease, shard, to) > rankOf(other, shard, to)) {
      found.set(lease.server, lease);
    }
  }
  return found;
}

function rankOf(lease: LeaseSeen, shard: ShardSeen, to: string): number {
  if (!isServed(lease, shard, to)) return 2;
  return lease.mode === 'native' ? 0 : 1;
}

/** A lease outlives what the shard has become since; sessions may have a lens of their own. */
function isServed({ mode, release }: LeaseSeen, shard: ShardSeen, to: string): boolean {
  return mode === 'session' || (mode !== 'refused' && serviceOf(shard, release, to) !== null);
}

interface Meeting {
  readonly server: ServerSeen;
  readonly shard: ShardSeen;
  /** By which the server is registered on the shard. */
  readonly lease: LeaseSeen | undefined;
  readonly release: string | null;
}

function cellOf({ server, shard, lease, release }: Meeting, to: string): Cell {
  if (shard.unreachable !== null) {
    const remedy = `bring ${shard.name} back; servers go on with the other shards`;
    return { state: 'unreachable', release, why: shard.unreachable, remedy };
  }
  if (lease !== undefined && isServed(lease, shard, to)) {
    const state = lease.mode === 'native' ? 'native' : 'lens';
    return { state, release, why: null, remedy: null };
  }
  if (release !== null && serviceOf(shard, release, to) === null) {
    const why = `${shard.name} does not serve ${release}: it is ${standingOf(shard)}`;
    const remedy =
      release === to ? `prepare ${shard.name}` : `upgrade ${server.name} to ${shard.floor}`;
    return { state: 'refused', release, why, remedy };
  }
  const isRunning = server.running.length > 0;
  const why = isRunning
    ? `${server.name} works with other shards, and is not registered on ${shard.name}`
    : `${server.name} is registered on no shard`;
  const remedy = isRunning
    ? `look whether ${server.name} reaches ${shard.name}`
    : `start ${server.name}, and look at its log`;
  return { state: 'waiting', release, why, remedy };
}

/** `prepared for 2.0`, `settled at 1.0`. */
export function standingOf({ phase, floor, ceiling }: ShardSeen): string {
  return phase === 'settled' ? `settled at ${floor}` : `${phase} for ${ceiling}`;
}
