// Users: how they are made and changed, within a transaction of the home shard.
//
// Invariant: once there is an administrator there is always one who is active, so nobody can lock
// everybody out.

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { Type } from 'typebox';
import type { Grant } from '../api/caller.js';
import { found } from '../api/route.js';
import { writeGrants } from './grants.js';

/** What is typed to sign in; told apart without regard to case. */
export const UserName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$',
  description:
    'Letters of ASCII, digits and ._@+-; the same name in another case is the same user.',
});

export interface NewUser {
  readonly name: string;
  readonly displayName?: string | null;
  readonly email?: string | null;
  readonly passwordHash: string | null;
  /** At a provider of OpenID Connect. */
  readonly account?: { readonly issuer: string; readonly subject: string };
}

/** @returns the id. @throws API_CONFLICT when there is one of that name. */
export async function makeUser(client: ClientBase, user: NewUser): Promise<string> {
  const id = randomUUID();
  const { rowCount } = await client.query(
    `insert into users (id, name, display_name, email, password_hash, issuer, subject)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (name) do nothing`,
    [
      ...[id, user.name.toLowerCase(), user.displayName ?? null, user.email ?? null],
      ...[user.passwordHash, user.account?.issuer ?? null, user.account?.subject ?? null],
    ],
  );
  if (rowCount === 1) return id;
  throw new HalflapError('API_CONFLICT', `there is a user ${user.name} already`, {
    hint: 'choose another name, or change that user',
  });
}

export interface UserChange {
  readonly displayName?: string | null;
  readonly email?: string | null;
  readonly state?: 'active' | 'disabled';
}

/** @throws API_NOT_FOUND; API_CONFLICT when no administrator would be left. */
export async function changeUser(
  client: ClientBase,
  id: string,
  change: UserChange,
): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    `update users set
       display_name = case when $2 then $3 else display_name end,
       email = case when $4 then $5 else email end,
       state = coalesce($6, state)
     where id = $1 returning id`,
    [
      ...[id, change.displayName !== undefined, change.displayName ?? null],
      ...[change.email !== undefined, change.email ?? null, change.state ?? null],
    ],
  );
  found(rows[0], `user ${id}`);
  if (change.state === 'disabled') await endSessions(client, id);
  await assertAdmin(client);
}

/** @throws API_NOT_FOUND; API_CONFLICT when no administrator would be left. */
export async function removeUser(client: ClientBase, id: string): Promise<void> {
  const { rows } = await client.query<{ id: string }>(
    'delete from users where id = $1 returning id',
    [id],
  );
  found(rows[0], `user ${id}`);
  await assertAdmin(client);
}

/** @throws API_NOT_FOUND; API_CONFLICT when no administrator would be left. */
export async function setGrants(
  client: ClientBase,
  id: string,
  grants: readonly Grant[],
): Promise<void> {
  const { rows } = await client.query('select id from users where id = $1 for update', [id]);
  found(rows[0], `user ${id}`);
  await writeGrants(client, { user: id }, grants);
  await assertAdmin(client);
}

/** A new password ends all sessions: of whoever knew the old one, too. @throws API_NOT_FOUND */
export async function setPassword(client: ClientBase, id: string, hash: string): Promise<void> {
  const { rows } = await client.query(
    'update users set password_hash = $2 where id = $1 returning id',
    [id, hash],
  );
  found(rows[0], `user ${id}`);
  await endSessions(client, id);
}

async function endSessions(client: ClientBase, userId: string): Promise<void> {
  await client.query('delete from sessions where user_id = $1', [userId]);
}

/** Locks the administrators, so that two who remove one another do not both succeed. */
async function assertAdmin(client: ClientBase): Promise<void> {
  const { rowCount } = await client.query(
    `select from users u join role_grants g on g.user_id = u.id
     where u.state = 'active' and g.role = 'admin' and g.selector is null
     order by u.id for update`,
  );
  if (rowCount !== 0) return;
  throw new HalflapError('API_CONFLICT', 'no administrator for all hosts would be left', {
    hint: 'make somebody else an administrator first',
  });
}
