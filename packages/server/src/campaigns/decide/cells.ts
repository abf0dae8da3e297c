// The matrix of servers × shards: how each server works with each shard now.

import { releasesOf, type ServerSeen, type ShardSeen, serviceOf, type World } from './world.js';

export const CELL_STATES = ['native', 'lens', 'waiting', 'refused', 'unreachable'] as const;
export type CellState = (typeof CELL_STATES)[number];

export interface Cell {
  readonly server: string;
  readonly shard: string;
  readonly state: CellState;
  /** Of the server, as it is registered on the shard; else what it would run. */
  readonly release: string | null;
  /** Why it does not work; null when it does. */
  readonly why: string | null;
  /** What would unblock it; null when nothing is blocked. */
  readonly remedy: string | null;
}

/** Row by row, in the order of servers and shards. */
export function cellsOf(world: World): readonly (readonly Cell[])[] {
  return world.servers.map((server) => world.shards.map((shard) => cellOf(server, shard, world)));
}

export function cellOf(server: ServerSeen, shard: ShardSeen, { to }: Pick<World, 'to'>): Cell {
  const lease = shard.leases.find((one) => one.server === server.name);
  const release = lease?.release ?? releasesOf(server)[0] ?? null;
  const cell = { server: server.name, shard: shard.name, release };
  if (shard.unreachable !== null) {
    const remedy = `bring ${shard.name} back; servers go on with the other shards`;
    return { ...cell, state: 'unreachable', why: shard.unreachable, remedy };
  }
  if (lease !== undefined && lease.mode !== 'refused') {
    const state = lease.mode === 'native' ? 'native' : 'lens';
    return { ...cell, state, why: null, remedy: null };
  }
  if (release !== null && serviceOf(shard, release, to) === null) {
    const why = `${shard.name} does not serve ${release}: it is ${standingOf(shard)}`;
    const remedy =
      release === to ? `prepare ${shard.name}` : `upgrade ${server.name} to ${shard.floor}`;
    return { ...cell, state: 'refused', why, remedy };
  }
  const isRunning = server.running.length > 0;
  const why = isRunning
    ? `${server.name} works with other shards, and is not registered on ${shard.name}`
    : `${server.name} is registered on no shard`;
  const remedy = isRunning
    ? `look whether ${server.name} reaches ${shard.name}`
    : `start ${server.name}, and look at its log`;
  return { ...cell, state: 'waiting', why, remedy };
}

/** `prepared for 2.0`, `settled at 1.0`. */
export function standingOf({ phase, floor, ceiling }: ShardSeen): string {
  return phase === 'settled' ? `settled at ${floor}` : `${phase} for ${ceiling}`;
}
