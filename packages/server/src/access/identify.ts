// Who sends a request: by an API token, or by the cookie of a session.
//
// The home shard is asked for every request, so what is revoked is refused at once by every server.
// While it is away, whoever this server has known within the last 15 minutes is remembered, and may
// go on reading hosts; see perform.ts for what that excludes.

import { HalflapError } from '@halflap/protocol';
import type { FastifyRequest } from 'fastify';
import type { Caller } from '../api/caller.js';
import { asHalflapError } from '../api/problem.js';
import { askHome } from '../store/home.js';
import type { Store } from '../store/store.js';
import { coveredGrants, type GrantRow, grantsColumn, grantsOf } from './grants.js';
import { csrfTokenOf, hashOf } from './secrets.js';

/** `__Host-`: browsers take it only from this very host, over TLS, for all paths (RFC 6265bis). */
export const SESSION_COOKIE = '__Host-halflap_session';
export const CSRF_HEADER = 'x-csrf-token';

/** How long somebody is remembered while the home shard is away, in ms. */
export const REMEMBERED_MS = 15 * 60 * 1000;
const MOST_REMEMBERED = 10_000;

export type Identify = (request: FastifyRequest) => Promise<Caller | null>;

export interface IdentifyOptions {
  readonly store: Store;
  readonly clock: () => Date;
  readonly settings: { readonly homeMs: number; readonly sessionIdleSeconds: number };
}

/** @throws STORE_UNAVAILABLE when the home shard is away and it does not remember who asks. */
export function createIdentify(options: IdentifyOptions): Identify {
  const memory = new Map<string, { caller: Caller; atMs: number }>();
  return async (request) => {
    const credential = credentialOf(request);
    if (credential === null) return null;
    const key = hashOf(`${credential.kind} ${credential.secret}`).toString('base64');
    const nowMs = options.clock().getTime();
    try {
      const caller = await (credential.kind === 'token'
        ? byToken(options, credential.secret)
        : bySession(options, credential.secret));
      memory.delete(key);
      if (caller !== null) memory.set(key, { caller, atMs: nowMs });
      forgetOldest(memory);
      return caller;
    } catch (error) {
      const known = memory.get(key);
      const isAway = asHalflapError(error).code === 'STORE_UNAVAILABLE';
      if (!isAway || known === undefined || nowMs - known.atMs > REMEMBERED_MS) throw error;
      return { ...known.caller, isRemembered: true };
    }
  };
}

interface Credential {
  readonly kind: 'token' | 'session';
  readonly secret: string;
}

/** A token wins: a program that sends one does not mean a cookie that it has by accident. */
function credentialOf({ headers, cookies }: FastifyRequest): Credential | null {
  const [, token] = /^Bearer ([\w-]{20,100})$/i.exec(headers.authorization ?? '') ?? [];
  if (token !== undefined) return { kind: 'token', secret: token };
  // Something that is no token of ours must not fall back to a cookie unseen.
  if (headers.authorization !== undefined) return null;
  const session = cookies[SESSION_COOKIE];
  return session === undefined ? null : { kind: 'session', secret: session };
}

interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly user_id: string;
  readonly user_name: string;
  readonly grants: GrantRow[];
  readonly user_grants: GrantRow[];
}

/** Noted at most once a minute, so that reading costs no write each time. */
const NOTED = `interval '1 minute'`;

async function byToken({ store, settings }: IdentifyOptions, secret: string) {
  const [row] = await askHome<TokenRow>(
    store,
    `with used as (
       update api_tokens set used_at = now()
       where hash = $1 and (used_at is null or used_at < now() - ${NOTED})
     )
     select t.id, t.name, u.id as user_id, u.name as user_name,
       ${grantsColumn('g.token_id = t.id')} as grants,
       ${grantsColumn('g.user_id = u.id')} as user_grants
     from api_tokens t join users u on u.id = t.user_id
     where t.hash = $1 and t.revoked_at is null and t.expires_at > now() and u.state = 'active'`,
    [hashOf(secret)],
    settings.homeMs,
  );
  if (row === undefined) return null;
  const caller: Caller = {
    ...{ kind: 'token', id: row.id, userId: row.user_id, name: `${row.user_name}/${row.name}` },
    // Never more than its owner has by now.
    grants: coveredGrants(grantsOf(row.user_grants), grantsOf(row.grants)),
    ...{ csrfToken: null, isRemembered: false },
  };
  return caller;
}

interface SessionRow {
  readonly id: string;
  readonly name: string;
  readonly grants: GrantRow[];
}

async function bySession({ store, settings }: IdentifyOptions, secret: string) {
  const [row] = await askHome<SessionRow>(
    store,
    `with one as (
       select hash, user_id, seen_at from sessions
       where hash = $1 and expires_at > now() and seen_at > now() - make_interval(secs => $2)
     ), seen as (
       update sessions s set seen_at = now() from one
       where s.hash = one.hash and one.seen_at < now() - ${NOTED}
     )
     select u.id, u.name, ${grantsColumn('g.user_id = u.id')} as grants
     from one join users u on u.id = one.user_id where u.state = 'active'`,
    [hashOf(secret), settings.sessionIdleSeconds],
    settings.homeMs,
  );
  if (row === undefined) return null;
  const caller: Caller = {
    ...{ kind: 'user', id: row.id, userId: row.id, name: row.name, grants: grantsOf(row.grants) },
    ...{ csrfToken: csrfTokenOf(secret), isRemembered: false },
  };
  return caller;
}

/** An act with a cookie must come from a page of ours. @throws API_FORBIDDEN */
export function assertOwnPage({ csrfToken }: Caller, { method, headers }: FastifyRequest): void {
  if (csrfToken === null || method === 'GET' || method === 'HEAD') return;
  if (headers[CSRF_HEADER] === csrfToken) return;
  const rule = 'must be `csrfToken` of GET /api/v1/session';
  throw new HalflapError('API_FORBIDDEN', 'this act does not come from a page of this server', {
    detail: { fields: [{ field: `headers.${CSRF_HEADER}`, rule }] },
    hint: `send it as ${CSRF_HEADER}, or use an API token`,
  });
}

/** A map keeps the order in which it was filled. */
function forgetOldest(memory: Map<string, unknown>): void {
  for (const key of memory.keys()) {
    if (memory.size <= MOST_REMEMBERED) return;
    memory.delete(key);
  }
}
