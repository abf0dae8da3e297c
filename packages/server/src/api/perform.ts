// One request from its route's declaration to its answer: who asks, whether he may, within which
// time, and once only when it is repeated with its key.

import { HalflapError } from '@halflap/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { assertOwnPage } from '../access/identify.js';
import { atHome } from '../store/home.js';
import type { Api } from './app.js';
import { noteFailure, noteForbidden, noteRoute } from './audited.js';
import { type Caller, may, NOBODY, scopeOf } from './caller.js';
import { schemaOf, takesKey } from './document.js';
import { streamEvents } from './event-stream.js';
import { type Claim, claimKey, forgetClaim, keepAnswer } from './idempotency.js';
import { asHalflapError, unavailable } from './problem.js';
import type { Asked, Route, Sender } from './route.js';

const callers = new WeakMap<FastifyRequest, Caller>();

export function serveRoute(app: FastifyInstance, api: Api, route: Route): void {
  app.route({
    method: route.method,
    url: route.path,
    schema: schemaOf(route),
    // Before the body is read: who may not ask need not be heard.
    onRequest: async (request) => {
      callers.set(request, await admit(api, route, request));
    },
    handler: (request, reply) => answer(api, route, request, reply),
  });
}

/** @throws API_UNAUTHENTICATED, API_FORBIDDEN */
async function admit(api: Api, route: Route, request: FastifyRequest): Promise<Caller> {
  const { permission } = route;
  if (permission === 'anyone') return NOBODY;
  const caller = await within(api.settings.answerMs, api.identify(request));
  if (caller?.isRemembered === true) assertReading(route);
  if (caller === null) {
    throw new HalflapError('API_UNAUTHENTICATED', 'this is not for somebody unknown', {
      hint: 'sign in, or send an API token: Authorization: Bearer TOKEN',
    });
  }
  if (permission === 'known' || may(caller, permission)) {
    assertOwnPage(caller, request);
    return caller;
  }
  await noteForbidden(api, route, request, caller);
  throw new HalflapError('API_FORBIDDEN', `${caller.name} has no role with ${permission}`, {
    hint: 'ask somebody whose role has it, or for such a role',
  });
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

async function answer(api: Api, route: Route, request: FastifyRequest, reply: FastifyReply) {
  const { answerMs, heartbeatMs, unreadBytes } = api.settings;
  const ending = new AbortController();
  const asked = askedOf(route, { request, reply, signal: ending.signal });
  if (route.kind === 'live') {
    const send = (await within(answerMs, route.handle(asked))) as Sender;
    const limits = { heartbeatMs, unreadBytes };
    api.metrics.views.inc();
    await streamEvents(reply, { ending, limits }, send, (error) =>
      api.log.warn({ request: request.id, route: route.path, error }, 'a live view broke'),
    );
    api.metrics.views.dec();
    return reply;
  }
  reply.code(route.status);
  try {
    const body = await within(answerMs, perform(api, route, asked), route.kind !== 'read');
    return body === undefined ? reply.send() : body;
  } finally {
    ending.abort();
  }
}

function askedOf(
  { permission }: Route,
  { request, reply, signal }: Pick<Asked, 'request' | 'reply' | 'signal'>,
): Asked {
  const caller = callers.get(request) ?? NOBODY;
  const isPermission = permission !== 'anyone' && permission !== 'known';
  const scope = isPermission ? scopeOf(caller, permission) : [];
  const { params, query, body } = request;
  return { params, query, body, caller, scope, signal, request, reply };
}

async function perform(api: Api, route: Route, asked: Asked): Promise<unknown> {
  if (route.kind === 'read' || route.kind === 'alone') return route.handle(asked);
  const claim = claimOf(route, asked);
  try {
    return await (route.kind === 'home'
      ? performAtHome(api, route, asked, claim)
      : performElsewhere(api, route, asked, claim));
  } catch (error) {
    await noteFailure(api, route, asked, error);
    throw error;
  }
}

function performAtHome(
  api: Api,
  route: Route,
  asked: Asked,
  claim: Claim | undefined,
): Promise<unknown> {
  return atHome(api.store, async (client) => {
    const kept = await claimKey(client, claim);
    if (kept !== undefined) return replay(asked, kept.answer);
    const body = await route.handle(asked, client);
    await keepAnswer(client, claim, body);
    await noteRoute(api, client, { route, asked }, { outcome: 'done' });
    return body;
  });
}

/** What is done on another shard: the key is claimed before, the answer kept after. */
async function performElsewhere(
  api: Api,
  route: Route,
  asked: Asked,
  claim: Claim | undefined,
): Promise<unknown> {
  const { store } = api;
  const kept = await atHome(store, async (client) => {
    const known = await claimKey(client, claim);
    if (known === undefined) {
      await noteRoute(api, client, { route, asked }, { outcome: 'intended' });
    }
    return known;
  });
  if (kept !== undefined) return replay(asked, kept.answer);
  const body = await route.handle(asked).catch(async (error: unknown) => {
    // A refusal changed nothing, so that the corrected request may come with the same key.
    if (asHalflapError(error).status < 500) {
      await atHome(store, (client) => forgetClaim(client, claim));
    }
    throw error;
  });
  try {
    await atHome(store, async (client) => {
      await keepAnswer(client, claim, body);
      await noteRoute(api, client, { route, asked }, { outcome: 'done' });
    });
  } catch (error) {
    // It is done: the log has what was intended, and who asks has to know what came of it.
    api.log.error({ route: route.path, error }, 'an act was done, and its outcome not written');
  }
  return body;
}

function replay({ reply }: Asked, kept: unknown): unknown {
  reply.header('idempotent-replayed', 'true');
  return kept;
}

function claimOf(route: Route, { request, caller, params, query, body }: Asked): Claim | undefined {
  const key = request.headers['idempotency-key'];
  if (!takesKey(route) || typeof key !== 'string') return undefined;
  const what = JSON.stringify([route.method, route.path, params, query, body]);
  return { key, caller: `${caller.kind} ${caller.id}`, what };
}

/** @throws STORE_UNAVAILABLE when it takes longer: what is waited for is a shard. */
async function within<Value>(ms: number, work: Promise<Value>, isAct = false): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(isAct ? lateAct() : unavailable()), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function lateAct(): HalflapError {
  return new HalflapError(
    'STORE_UNAVAILABLE',
    'a shard that this needs, the home shard maybe, did not answer in time',
    { hint: 'whether it took effect is not known: look before it is repeated' },
  );
}
