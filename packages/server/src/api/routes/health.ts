// Whether this server lives, whether it can serve, its figures, and the document of the API.

import { type Static, Type } from 'typebox';
import type { Api } from '../app.js';
import { isServed } from '../metrics.js';
import { type Route, read } from '../route.js';
import { nullable } from '../shapes.js';

export const Ready = Type.Object({
  ready: Type.Boolean(),
  shards: Type.Array(
    Type.Object({
      shard: Type.String(),
      served: Type.Boolean(),
      mode: Type.String(),
      home: Type.Boolean(),
    }),
  ),
  bus: nullable(
    Type.Object({
      driver: Type.String(),
      linked: Type.Boolean({ description: 'Whether its broker is there, where it needs one.' }),
      following: Type.Boolean({ description: 'Whether this server hears of what others do.' }),
    }),
  ),
});
type Ready = Static<typeof Ready>;

export function healthRoutes(api: Api, document: () => object): readonly Route[] {
  const { metrics } = api;
  return [
    read({
      method: 'GET',
      path: '/healthz',
      summary: 'Whether the process answers at all.',
      permission: 'anyone',
      answer: Type.Object({ alive: Type.Boolean() }),
      handle: async () => ({ alive: true }),
    }),
    read({
      method: 'GET',
      path: '/readyz',
      summary:
        'Whether this server can serve anything: 503 while no shard serves it, or it just starts.',
      permission: 'anyone',
      answer: Ready,
      async handle({ reply }) {
        const answer = await readiness(api);
        reply.code(answer.ready ? 200 : 503);
        return answer;
      },
    }),
    read({
      method: 'GET',
      path: '/metrics',
      summary: 'Figures of this server in the text format of Prometheus.',
      permission: 'metrics:read',
      answer: Type.String(),
      mediaType: 'text/plain',
      async handle({ reply }) {
        reply.type(metrics.registry.contentType);
        return metrics.registry.metrics();
      },
    }),
    read({
      method: 'GET',
      path: '/api/v1/openapi.json',
      summary: 'This document.',
      permission: 'anyone',
      answer: Type.Unsafe<object>({ type: 'object', additionalProperties: true }),
      handle: async () => document(),
    }),
  ];
}

/** Of this moment: each shard is asked, and not only what its last heartbeat said. */
async function readiness({ store, pulse, bus }: Api): Promise<Ready> {
  const answering = await pulse.ask();
  const shards = store.fleet.status().map(({ shard, mode }) => ({
    shard,
    mode,
    served: isServed(mode) && answering.has(shard),
    home: shard === store.home.name,
  }));
  const state = bus?.();
  const ready = shards.some(({ served }) => served) && state?.isFollowing !== false;
  if (state === undefined) return { ready, shards, bus: null };
  const { driver, isLinked: linked, isFollowing: following } = state;
  return { ready, shards, bus: { driver, linked, following } };
}
