// Sessions of people in a browser.
//
// Invariant: a sign-in makes a new session and ends the one that the browser had; so a cookie that
// somebody planted before is worth nothing after it.

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClientBase } from 'pg';
import { SESSION_COOKIE } from './identify.js';
import { csrfTokenOf, hashOf, newSecret } from './secrets.js';

export interface Begun {
  readonly secret: string;
  readonly csrfToken: string;
}

export async function beginSession(
  client: ClientBase,
  userId: string,
  { request, seconds }: { readonly request: FastifyRequest; readonly seconds: number },
): Promise<Begun> {
  const { secret, hash } = newSecret('session');
  const before = request.cookies[SESSION_COOKIE];
  await client.query('delete from sessions where hash = $1 or expires_at < now()', [
    hashOf(before ?? ''),
  ]);
  await client.query(
    `insert into sessions (hash, user_id, address, expires_at)
     values ($1, $2, $3, now() + make_interval(secs => $4))`,
    [hash, userId, request.ip, seconds],
  );
  await client.query('update users set signed_in_at = now() where id = $1', [userId]);
  return { secret, csrfToken: csrfTokenOf(secret) };
}

/** Ends the session of a browser. Does nothing without one. */
export async function endSession(client: ClientBase, request: FastifyRequest): Promise<void> {
  await client.query('delete from sessions where hash = $1', [
    hashOf(request.cookies[SESSION_COOKIE] ?? ''),
  ]);
}

const COOKIE = { path: '/', httpOnly: true, secure: true, sameSite: 'lax' } as const;

export function giveCookie(reply: FastifyReply, secret: string, seconds: number): void {
  reply.setCookie(SESSION_COOKIE, secret, { ...COOKIE, maxAge: seconds });
}

export function takeCookie(reply: FastifyReply, name: string = SESSION_COOKIE): void {
  reply.clearCookie(name, COOKIE);
}
