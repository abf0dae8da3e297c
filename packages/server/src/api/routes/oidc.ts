// Sign-in at a provider of OpenID Connect: there and back.

import { HalflapError } from '@halflap/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { countAttempt } from '../../access/attempts.js';
import { createProvider, type Pending, type Provider, userOfAccount } from '../../access/oidc.js';
import { beginSession, giveCookie, takeCookie } from '../../access/sessions.js';
import { atHome } from '../../store/home.js';
import type { Api } from '../app.js';
import { noteAct } from '../audited.js';
import { actAlone, type Route, read } from '../route.js';

/** What goes there and back with the browser; see Pending. */
const PENDING_COOKIE = '__Host-halflap_oidc';
const PENDING_SECONDS = 600;

/** None where no provider is set. */
export function oidcRoutes(api: Api): readonly Route[] {
  const { oidc } = api.settings;
  if (oidc === undefined) return [];
  const provider = createProvider(oidc);
  return [start(api, provider), callback(api, provider)];
}

function start(api: Api, provider: Provider): Route {
  return read({
    method: 'GET',
    path: '/api/v1/oidc/start',
    summary: 'Sends a browser to the provider of OpenID Connect.',
    permission: 'anyone',
    query: {
      returnTo: Type.Optional(
        Type.String({ maxLength: 1024, description: 'A path of this host to come back to.' }),
      ),
    },
    status: 302,
    answer: null,
    async handle({ query, request, reply }) {
      await countAttempt(api.store, { user: null, address: request.ip });
      const { url, pending } = await provider.begin(query.returnTo ?? '/');
      const value = Buffer.from(JSON.stringify(pending)).toString('base64url');
      reply.setCookie(PENDING_COOKIE, value, {
        ...{ path: '/', httpOnly: true, secure: true, sameSite: 'lax' },
        maxAge: PENDING_SECONDS,
      });
      reply.header('location', url.href);
      return undefined;
    },
  });
}

function callback(api: Api, provider: Provider): Route {
  return actAlone({
    method: 'GET',
    path: '/api/v1/oidc/callback',
    summary: 'Where the provider sends a browser back to; answers with a cookie.',
    permission: 'anyone',
    query: {
      code: Type.Optional(Type.String({ maxLength: 4096 })),
      state: Type.Optional(Type.String({ maxLength: 1024 })),
      iss: Type.Optional(Type.String({ maxLength: 1024 })),
      session_state: Type.Optional(Type.String({ maxLength: 1024 })),
      error: Type.Optional(Type.String({ maxLength: 1024 })),
      error_description: Type.Optional(Type.String({ maxLength: 4096 })),
      error_uri: Type.Optional(Type.String({ maxLength: 1024 })),
    },
    status: 302,
    answer: null,
    async handle({ query, request, reply }) {
      const pending = pendingOf(request);
      const account = await provider.finish(new URLSearchParams(query), pending);
      const { sessionSeconds: seconds } = api.settings;
      const begun = await atHome(api.store, async (client) => {
        const user = await userOfAccount(client, account);
        const session = await beginSession(client, user, { request, seconds });
        const target = `user ${account.name.toLowerCase()}`;
        await noteAct(api, client, { request, act: 'session.begin', target, outcome: 'done' });
        return session;
      });
      api.metrics.signIns.inc({ outcome: 'done' });
      takeCookie(reply, PENDING_COOKIE);
      giveCookie(reply, begun.secret, seconds);
      reply.header('location', pending.returnTo);
      return undefined;
    },
  });
}

/** @throws API_UNAUTHENTICATED when this browser did not begin here. */
function pendingOf({ cookies }: FastifyRequest): Pending {
  try {
    const text = Buffer.from(cookies[PENDING_COOKIE] ?? '', 'base64url').toString('utf8');
    const found = JSON.parse(text) as Partial<Pending>;
    const { state, nonce, verifier, returnTo } = found;
    const all = [state, nonce, verifier, returnTo];
    if (all.every((one) => typeof one === 'string')) return found as Pending;
  } catch {
    // Not what we gave it: as if there were none.
  }
  throw new HalflapError('API_UNAUTHENTICATED', 'this browser did not begin to sign in here', {
    hint: 'begin again: GET /api/v1/oidc/start',
  });
}
