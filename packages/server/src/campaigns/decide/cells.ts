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
  const columns = shards.map((shard) => ({ shard, leases: leasesByServer(shard) }));
  return servers.map((server) => {
    const [wouldRun = null] = releasesOf(server);
    return columns.map(({ shard, leases }) => {
      const lease = leases.get(server.name);
      return cellOf({ server, shard, lease, release: lease?.release ?? wouldRun }, to);
    });
  });
}

/** The first of each server. */
function leasesByServer({ leases }: ShardSeen): ReadonlyMap<string, LeaseSeen> {
  const found = new Map<string, LeaseSeen>();
  for (const lease of leases) if (!found.has(lease.server)) found.set(lease.server, lease);
  return found;
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
  if (lease !== undefined && lease.mode !== 'refused') {
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
