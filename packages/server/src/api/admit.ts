// Whether who asks may ask: before the body of his request is read.

import { HalflapError } from '@halflap/protocol';
import type { FastifyRequest } from 'fastify';
import { assertOwnPage } from '../access/identify.js';
import { within } from '../within.js';
import type { Api } from './app.js';
import { noteForbidden } from './audited.js';
import { type Caller, forbidden, may, NOBODY } from './caller.js';
import { asHalflapError, unavailable } from './problem.js';
import type { Route } from './route.js';

/** @throws API_UNAUTHENTICATED, API_FORBIDDEN, STORE_UNAVAILABLE */
export async function admit(api: Api, route: Route, request: FastifyRequest): Promise<Caller> {
  const { permission } = route;
  if (permission === 'anyone') return NOBODY;
  const caller = await within(api.settings.answerMs, api.identify(request), unavailable);
  if (caller === null) {
    throw new HalflapError('API_UNAUTHENTICATED', 'this is not for somebody unknown', {
      hint: 'sign in, or send an API token: Authorization: Bearer TOKEN',
    });
  }
  if (caller.isRemembered) assertReading(route);
  if (permission === 'known' || may(caller, permission)) {
    assertOwnPage(caller, request);
    return caller;
  }
  await noteForbidden(api, route, request, caller);
  throw forbidden(caller, permission);
}

/** All that may be done while nobody can say whether the caller is still who he was. */
function assertReading({ kind, permission }: Route): void {
  if (kind === 'read' && permission === 'hosts:read') return;
  throw new HalflapError(
    'STORE_UNAVAILABLE',
    'the home shard does not answer; until it does, hosts can be read and nothing else',
    { hint: '/readyz says how it stands' },
  );
}

/**
 * Whether a live view may go on: its caller has what he had when it began. While the home shard is
 * away nobody can say, and it goes on.
 */
export async function mayGoOn(
  api: Api,
  route: Route,
  request: FastifyRequest,
  before: Caller,
): Promise<boolean> {
  try {
    const now = await admit(api, route, request);
    return now.id === before.id && JSON.stringify(now.grants) === JSON.stringify(before.grants);
  } catch (error) {
    return asHalflapError(error).code === 'STORE_UNAVAILABLE';
  }
}
