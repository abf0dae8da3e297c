// One request from its route's declaration to its answer: who asks, whether he may, within which
// time, and once only when it is repeated with its key.

import { HalflapError } from '@halflap/protocol';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { atHome } from '../store/home.js';
import { within } from '../within.js';
import { admit, mayGoOn } from './admit.js';
import type { Api } from './app.js';
import { noteFailure, noteRoute } from './audited.js';
import { type Caller, NOBODY, scopeOf } from './caller.js';
import { mayMakeNothing, schemaOf, takesKey } from './document.js';
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
    ...(route.bodyBytes === undefined ? {} : { bodyLimit: route.bodyBytes }),
    // Before the body is read: who may not ask need not be heard.
    onRequest: async (request) => {
      callers.set(request, await admit(api, route, request));
    },
    handler: (request, reply) => answer(api, route, request, reply),
  });
}

async function answer(api: Api, route: Route, request: FastifyRequest, reply: FastifyReply) {
  const ending = new AbortController();
  reply.raw.on('close', () => ending.abort());
  const asked = askedOf(route, { request, reply, signal: ending.signal });
  if (route.kind === 'live') return answerLive(api, route, asked, ending);
  const late = route.kind === 'read' ? unavailable : lateAct;
  reply.code(route.status);
  try {
    const body = await within(api.settings.answerMs, perform(api, route, asked), late);
    if (mayMakeNothing(route) && route.audit?.isChange?.(body) === false) reply.code(200);
    return body === undefined ? reply.send() : body;
  } finally {
    ending.abort();
  }
}

async function answerLive(api: Api, route: Route, asked: Asked, ending: AbortController) {
  const { answerMs, heartbeatMs, unreadBytes } = api.settings;
  const { request, reply, caller } = asked;
  const send = (await within(answerMs, route.handle(asked), unavailable)) as Sender;
  const stop = () => ending.abort();
  api.stopping.addEventListener('abort', stop);
  if (api.stopping.aborted) stop();
  api.metrics.views.inc();
  await streamEvents({
    ...{ reply, ending, heartbeatMs, unreadBytes, send },
    mayGoOn: () => mayGoOn(api, route, request, caller),
    onError: (error) =>
      api.log.warn({ request: request.id, route: route.path, error }, 'a live view broke'),
  });
  api.metrics.views.dec();
  api.stopping.removeEventListener('abort', stop);
  return reply;
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
    if (route.audit?.isChange?.(body) !== false) {
      await noteRoute(api, client, { route, asked }, { outcome: 'done' });
    }
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
    // What changed nothing may come again with the same key.
    if (hadNoEffect(error)) {
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

/** A refusal; or a shard to which nothing could be sent. */
function hadNoEffect(error: unknown): boolean {
  if (asHalflapError(error).status < 500) return true;
  return error instanceof HalflapError && NOTHING_SENT.has(error.code);
}

const NOTHING_SENT: ReadonlySet<string> = new Set([
  'STORE_UNAVAILABLE',
  'SHARD_UNREACHABLE',
  'CLIENT_NOT_SERVED',
]);

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

function lateAct(): HalflapError {
  return new HalflapError(
    'STORE_UNAVAILABLE',
    'a shard that this needs, the home shard maybe, did not answer in time',
    { hint: 'whether it took effect is not known: look before it is repeated' },
  );
}
