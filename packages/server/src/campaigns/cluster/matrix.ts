// The matrix of servers × shards as it is kept and shown: the cells, and what stands at the heads
// of rows and columns.

import { isDeepStrictEqual } from 'node:util';
import type { Phase, Verb } from '@halflap/protocol';
import { type Cell, cellsOf } from '../decide/cells.js';
import { strangersOf } from '../decide/world.js';
import type { ShardAddress } from './clusters.js';
import type { Excluded, Observed } from './observe.js';

export interface MatrixServer {
  readonly name: string;
  readonly host: string | null;
  readonly hostname: string | null;
  readonly installed: string | null;
  readonly running: readonly string[];
  readonly connected: boolean;
  readonly healthy: boolean | null;
  /** Why it is left out; null: it is not. */
  readonly excluded: string | null;
}

export interface MatrixShard {
  readonly name: string;
  readonly canary: boolean;
  readonly unreachable: string | null;
  /** Null while it is unreachable, as floor and ceiling are. */
  readonly phase: Phase | null;
  readonly floor: string | null;
  readonly ceiling: string | null;
  readonly verified: boolean;
  readonly quarantined: number;
  readonly blocked: string | null;
  readonly running: {
    readonly verb: Verb;
    readonly step: string;
    readonly relation: string | null;
    readonly rowsDone: number;
    readonly rowsEstimated: number;
  } | null;
  readonly excluded: string | null;
}

export interface Matrix {
  readonly from: string;
  readonly to: string;
  readonly servers: readonly MatrixServer[];
  readonly shards: readonly MatrixShard[];
  /** A row for each server, in it a cell for each shard. */
  readonly cells: readonly (readonly Cell[])[];
  /** Servers that live by their leases, and that the cluster does not declare. */
  readonly strangers: readonly { readonly server: string; readonly release: string }[];
  /** Of the newer release, allowed or enabled: no server goes back while one is. */
  readonly features: readonly string[];
  /** Shards of the store that do not answer: their hosts are missing. */
  readonly silentShards: readonly string[];
}

export function matrixOf(
  { world, servers, statuses, silent }: Observed,
  addresses: readonly ShardAddress[],
  excluded: readonly Excluded[],
): Matrix {
  const reasonOf = (kind: Excluded['kind'], name: string) =>
    excluded.find((one) => one.kind === kind && one.name === name)?.reason ?? null;
  return {
    from: world.from,
    to: world.to,
    servers: world.servers.map((server) => {
      const { name, installed, running, isConnected: connected, isHealthy: healthy } = server;
      const host = servers.find((one) => one.name === name)?.host ?? null;
      return {
        ...{ name, host: host?.id ?? null, hostname: host?.hostname ?? null, installed, running },
        ...{ connected, healthy, excluded: reasonOf('server', name) },
      };
    }),
    shards: world.shards.map((shard): MatrixShard => {
      const { name, unreachable, isVerified: verified, quarantined, blocked } = shard;
      const isThere = unreachable === null;
      const running = statuses.get(name)?.running ?? null;
      return {
        ...{ name, canary: addresses.find((one) => one.name === name)?.isCanary ?? false },
        ...{ unreachable, phase: isThere ? shard.phase : null },
        ...{ floor: isThere ? shard.floor : null, ceiling: isThere ? shard.ceiling : null },
        ...{ verified, quarantined, blocked, excluded: reasonOf('shard', name) },
        running: running === null ? null : stepOf(running),
      };
    }),
    cells: cellsOf(world),
    strangers: strangersOf(world).map(({ server, release }) => ({ server, release })),
    features: world.features,
    silentShards: silent,
  };
}

function stepOf({
  verb,
  step,
  relation,
  rowsDone,
  rowsEstimated,
}: NonNullable<MatrixShard['running']>) {
  return { verb, step, relation, rowsDone, rowsEstimated };
}

/** Whether they look the same, but for how far shards are. */
export function looksAlike(one: Matrix, other: Matrix): boolean {
  return isDeepStrictEqual(withoutProgress(one), withoutProgress(other));
}

function withoutProgress(matrix: Matrix) {
  return { ...matrix, shards: matrix.shards.map(({ running: _, ...shard }) => shard) };
}
