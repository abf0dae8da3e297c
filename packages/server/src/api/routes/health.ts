// Whether this server lives, whether it can serve, its figures, and the document of the API.

import { Type } from 'typebox';
import type { Api } from '../app.js';
import { isServed } from '../metrics.js';
import { type Route, read } from '../route.js';

const Ready = Type.Object({
  ready: Type.Boolean(),
  shards: Type.Array(
    Type.Object({
      shard: Type.String(),
      served: Type.Boolean(),
      mode: Type.String(),
      home: Type.Boolean(),
    }),
  ),
});

export function healthRoutes({ store, metrics }: Api, document: () => object): readonly Route[] {
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
      summary: 'Whether this server can serve anything: 503 when no shard serves it.',
      permission: 'anyone',
      answer: Ready,
      async handle({ reply }) {
        const shards = store.fleet.status().map(({ shard, mode }) => ({
          shard,
          mode,
          served: isServed(mode),
          home: shard === store.home.name,
        }));
        const ready = shards.some(({ served }) => served);
        reply.code(ready ? 200 : 503);
        return { ready, shards };
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
