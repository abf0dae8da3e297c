// The matrix of servers × shards as the API shows it, and what stands against a step.

import { PHASES, VERBS } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import type * as kept from '../campaigns/cluster/matrix.js';
import { CELL_STATES } from '../campaigns/decide/cells.js';
import type { Refusal as Found } from '../campaigns/decide/safety.js';
import { count, id, instant, nullable, oneOf } from './shapes.js';

const text = () => nullable(Type.String());

export const MatrixServer = Type.Object({
  name: Type.String({ description: 'By which it registers on shards.' }),
  host: nullable(id()),
  hostname: text(),
  installed: nullable(Type.String({ description: 'Null: not known.' })),
  running: Type.Array(Type.String(), { description: 'Releases by its live leases.' }),
  connected: Type.Boolean(),
  healthy: nullable(Type.Boolean({ description: 'As its health check said last.' })),
  excluded: nullable(Type.String({ description: 'Why it is left out.' })),
});

export const MatrixShard = Type.Object({
  name: Type.String(),
  canary: Type.Boolean(),
  unreachable: nullable(Type.String({ description: 'Why nothing is known of it.' })),
  phase: nullable(oneOf(PHASES)),
  floor: text(),
  ceiling: text(),
  verified: Type.Boolean({ description: 'Contract may trust its last verify.' }),
  quarantined: count(),
  blocked: nullable(Type.String({ description: 'Why its evolution does not go on.' })),
  running: nullable(
    Type.Object({
      verb: oneOf(VERBS),
      step: Type.String(),
      relation: text(),
      rowsDone: count(),
      rowsEstimated: count(),
    }),
  ),
  excluded: nullable(Type.String({ description: 'Why it is left out.' })),
});

export const MatrixCell = Type.Object({
  state: oneOf(CELL_STATES),
  release: text(),
  why: nullable(Type.String({ description: 'Why it does not work; null: it does.' })),
  remedy: nullable(Type.String({ description: 'What would unblock it.' })),
});

export const Matrix = Type.Object({
  from: Type.String(),
  to: Type.String(),
  seenAt: nullable(instant()),
  servers: Type.Array(MatrixServer),
  shards: Type.Array(MatrixShard),
  cells: Type.Array(Type.Array(MatrixCell), {
    description: 'A row for each of `servers`, in it a cell for each of `shards`.',
  }),
  strangers: Type.Array(Type.Object({ server: Type.String(), release: Type.String() }), {
    description: 'Servers that live by their leases, and that the cluster does not declare.',
  }),
  features: Type.Array(Type.String(), {
    description: 'Of the newer release, allowed or enabled: no server goes back while one is.',
  }),
  silentShards: Type.Array(Type.String(), {
    description: 'Of the store: they do not answer, and their hosts are missing.',
  }),
});
export type Matrix = Static<typeof Matrix>;

export function matrixView(matrix: kept.Matrix, seenAt: Date | null): Matrix {
  const { from, to, servers, shards, cells, strangers, silentShards } = matrix;
  const features = [...matrix.features];
  return {
    ...{ from, to, seenAt: seenAt?.toISOString() ?? null },
    servers: servers.map((server) => ({ ...server, running: [...server.running] })),
    shards: [...shards],
    cells: cells.map((row) => [...row]),
    ...{ strangers: [...strangers], features, silentShards: [...silentShards] },
  };
}

export const Refusal = Type.Object({
  by: oneOf(['server', 'shard', 'feature', 'cluster']),
  name: Type.String(),
  why: Type.String(),
  remedy: Type.String(),
  final: Type.Boolean({ description: 'Nobody may pass over it.' }),
});
export type Refusal = Static<typeof Refusal>;

export function refusalView({ by, name, why, remedy, isFinal: final }: Found): Refusal {
  return { by, name, why, remedy, final };
}

export const WhatIf = Type.Object({
  step: Type.String(),
  refusals: Type.Array(Refusal, { description: 'What stands against it; none: it is safe.' }),
  closes: Type.Array(Type.Object({ id: Type.String(), refusals: Type.Array(Refusal) }), {
    description: 'Steps that it makes impossible.',
  }),
  opens: Type.Array(Type.String(), { description: 'Steps that it makes possible.' }),
  pointOfNoReturn: nullable(
    Type.String({ description: 'What a return costs after it; null: it is as it was before.' }),
  ),
});
export type WhatIf = Static<typeof WhatIf>;

/** `server/app1/upgrade`. Names hold no slash where it matters: the action is the last part. */
export const stepId = () => Type.String({ pattern: '^(server|shard)/.{1,255}/[a-z]+$' });
