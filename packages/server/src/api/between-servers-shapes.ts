// What servers of a cluster agree upon, as the API shows it: features, messages, behaviours.

import type { BehaviourReport, FeatureReport } from '@halflap/engine/runner';
import { FEATURE_STATES } from '@halflap/protocol';
import { type Static, Type } from 'typebox';
import type { Messages } from '../campaigns/cluster/between-servers.js';
import { isoOf } from './host-shapes.js';
import { count, instant, nullable, oneOf } from './shapes.js';

const text = () => nullable(Type.String());

/** How one shard of the cluster answered. */
const ClusterShardAnswer = Type.Object({
  shard: Type.String(),
  ok: Type.Boolean(),
  error: Type.Optional(Type.String({ description: 'Why nothing is known of it.' })),
});
const shards = Type.Array(ClusterShardAnswer);

export const ClusterFeature = Type.Object({
  feature: Type.String(),
  about: Type.String(),
  since: Type.String({ description: 'The release that brought it.' }),
  reversible: Type.Boolean({ description: 'It may be disabled after it was enabled.' }),
  state: oneOf(['off', 'supported', 'underway', 'enabled']),
  shards: Type.Array(
    Type.Object({
      shard: Type.String(),
      state: oneOf([...FEATURE_STATES, 'off', 'unknown']),
      changedBy: text(),
      changedAt: nullable(instant()),
    }),
  ),
  servers: Type.Array(
    Type.Object({
      server: Type.String(),
      release: Type.String(),
      supports: Type.Boolean(),
    }),
    { description: 'Each release of each server that lives.' },
  ),
  against: Type.Array(Type.String(), {
    description: 'What stands against enabling it, a line each: the first of them.',
  }),
  againstInAll: Type.Integer({ minimum: 0, description: 'How many lines there are in all.' }),
});
export type ClusterFeature = Static<typeof ClusterFeature>;

export const ClusterFeatures = Type.Object({ features: Type.Array(ClusterFeature), shards });
export type ClusterFeatures = Static<typeof ClusterFeatures>;

export const FeatureMoved = Type.Object({
  feature: Type.String(),
  state: oneOf(['enabled', 'off', 'underway']),
  changed: Type.Boolean({ description: 'False: it was so already.' }),
  waitsFor: Type.Array(Type.String(), { description: 'Servers that have not heard of it yet.' }),
});
export type FeatureMoved = Static<typeof FeatureMoved>;

/** Of 200 servers on 100 shards there may be 20 000. */
const MOST_AGAINST = 50;

export function featureView(report: FeatureReport): ClusterFeature {
  const { feature, about, since, state, isReversible: reversible, against } = report;
  return {
    ...{ feature, about, since, state, reversible },
    shards: report.shards.map(({ changedAt, ...one }) => ({ ...one, changedAt: isoOf(changedAt) })),
    servers: report.servers.map(({ server, release, isSupporting }) => {
      return { server, release, supports: isSupporting };
    }),
    against: against.slice(0, MOST_AGAINST),
    againstInAll: against.length,
  };
}

export const ClusterMessages = Type.Object({
  level: nullable(
    Type.String({ description: 'The release in whose form servers write; null: none lives.' }),
  ),
  speakers: Type.Array(
    Type.Object({
      release: Type.String(),
      servers: Type.Array(Type.String()),
      types: Type.Array(Type.String(), { description: 'Messages that they read and write.' }),
    }),
    { description: 'Servers that live, by release; the lowest first.' },
  ),
  parked: Type.Array(
    Type.Object({
      shard: Type.String(),
      id: Type.String({ description: 'Names it on its shard.' }),
      consumer: Type.String(),
      type: nullable(Type.String({ description: 'Null: it could not be read at all.' })),
      level: text(),
      newer: Type.Boolean({ description: 'It is of a release that the server did not know.' }),
      reason: Type.String(),
      server: Type.String({ description: 'Which parked it last.' }),
      release: Type.String({ description: 'Of that server.' }),
      times: count(),
      parkedAt: instant(),
      returnedAt: nullable(instant()),
    }),
    { description: 'The oldest of each shard first.' },
  ),
  more: Type.Boolean({ description: 'A shard has more of them.' }),
  shards,
});
export type ClusterMessages = Static<typeof ClusterMessages>;

export function messagesView({ level, speakers, parked, hasMore: more }: Messages) {
  return {
    ...{ level, more },
    speakers: speakers.map(({ release, servers, types }) => {
      return { release, servers: [...servers], types: [...types] };
    }),
    parked: parked.map(({ shard, id, consumer, type, level: of, is_newer: newer, ...row }) => ({
      ...{ shard, id, consumer, type, level: of, newer, reason: row.reason },
      ...{ server: row.server, release: row.release, times: row.times },
      ...{ parkedAt: row.parked_at.toISOString(), returnedAt: isoOf(row.returned_at) },
    })),
  };
}

export const ParkedSettled = Type.Object({
  shard: Type.String(),
  ids: Type.Array(Type.String(), { description: 'Those that it was done to.' }),
});
export type ParkedSettled = Static<typeof ParkedSettled>;

export const ClusterBehaviour = Type.Object({
  behaviour: Type.String(),
  about: text(),
  changedIn: nullable(Type.String({ description: 'Null: no server that lives knows it.' })),
  expires: nullable(Type.String({ description: 'A date.' })),
  uses: Type.Object({ retained: count(), changed: count() }),
  retained: Type.Array(
    Type.Object({
      shard: Type.String(),
      uses: count(),
      lastUsed: instant(),
      server: Type.String({ description: 'Which met it last.' }),
    }),
    { description: 'Where it was met as it was before.' },
  ),
  warning: nullable(Type.String({ description: 'Why somebody should look.' })),
});
export type ClusterBehaviour = Static<typeof ClusterBehaviour>;

export const ClusterBehaviours = Type.Object({
  behaviours: Type.Array(ClusterBehaviour),
  shards,
});
export type ClusterBehaviours = Static<typeof ClusterBehaviours>;

export function behaviourView(report: BehaviourReport): ClusterBehaviour {
  const { behaviour, declared, uses, retained, warning } = report;
  return {
    ...{ behaviour, warning, uses: { ...uses } },
    ...{ about: declared?.about ?? null, changedIn: declared?.changed ?? null },
    expires: declared?.expires ?? null,
    retained: retained.map((one) => ({ ...one, lastUsed: one.lastUsed.toISOString() })),
  };
}
