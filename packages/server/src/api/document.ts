// The OpenAPI document, made from the shapes that validate.

import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import type { FastifySchema } from 'fastify';
import { Type } from 'typebox';
import { SESSION_COOKIE } from '../access/identify.js';
import type { Route } from './route.js';
import { Problem } from './shapes.js';

/** Of the interface, not of the program: it grows when something is taken away or changed. */
const API_VERSION = '1.0';

export function openApi(): FastifyDynamicSwaggerOptions {
  return {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Halflap',
        version: API_VERSION,
        description: 'Hosts, jobs and campaigns. docs/api.md says how it is used.',
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'An API token.' },
          session: { type: 'apiKey', in: 'cookie', name: SESSION_COOKIE },
        },
      },
    },
  };
}

/** What fastify validates, serialises and documents of a route. */
export function schemaOf(route: Route): FastifySchema {
  const success =
    route.answer === null
      ? Type.Null({ description: 'Done.' })
      : {
          description: 'What was asked for.',
          content: { [route.mediaType]: { schema: route.answer } },
        };
  const problem = {
    description: 'Refused or failed.',
    content: { 'application/problem+json': { schema: Problem } },
  };
  return {
    summary: route.summary,
    description: needs(route),
    tags: [route.path.split('/')[3] ?? 'server'],
    security: route.permission === 'anyone' ? [] : [{ token: [] }, { session: [] }],
    querystring: route.query,
    ...(route.params === undefined ? {} : { params: route.params }),
    ...(route.body === undefined ? {} : { body: route.body }),
    ...(takesKey(route) ? { headers: KEY_HEADER } : {}),
    response: {
      [route.status]: success,
      ...(mayMakeNothing(route) ? { 200: success } : {}),
      default: problem,
    },
  } as FastifySchema;
}

/** Whether it may find that what it would make is not needed: then its answer has status 200. */
export function mayMakeNothing({ status, audit }: Route): boolean {
  return status === 201 && audit?.isChange !== undefined;
}

/** Whether a repeated request with the same key gets the answer of the first. */
export function takesKey(route: Route): boolean {
  return route.audit !== null && route.method === 'POST';
}

const KEY_HEADER = Type.Object({
  'idempotency-key': Type.Optional(
    Type.String({
      pattern: '^[\\x21-\\x7e]{16,255}$',
      description: 'Random; a request that is repeated with it within a day is not done twice.',
    }),
  ),
});

function needs({ permission, kind }: Route): string {
  const needed =
    permission === 'anyone'
      ? 'Needs no permission.'
      : permission === 'known'
        ? 'For whoever is signed in or has a token.'
        : `Needs the permission ${permission}.`;
  return kind === 'live' ? `${needed} Answers with server-sent events.` : needed;
}
