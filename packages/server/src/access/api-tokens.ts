// API tokens: what programs send in the place of a person who signs in.
//
// Invariant: a token never allows more than its owner may: not when it is made, and not later, when
// he may less (see identify.ts).

import { randomUUID } from 'node:crypto';
import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import type { Caller, Grant } from '../api/caller.js';
import { coveredGrants, writeGrants } from './grants.js';
import { newSecret } from './secrets.js';

export interface TokenAsked {
  readonly name: string;
  readonly grants: readonly Grant[];
  readonly expiresInSeconds: number;
}

/**
 * In a transaction of the home shard. @returns its id, and the secret, which is not kept.
 * @throws API_FORBIDDEN when a role is more than the caller has.
 */
export async function makeApiToken(
  client: ClientBase,
  owner: Pick<Caller, 'userId' | 'grants' | 'name'>,
  asked: TokenAsked,
): Promise<{ readonly id: string; readonly secret: string }> {
  if (coveredGrants(owner.grants, asked.grants).length < asked.grants.length) {
    throw new HalflapError('API_FORBIDDEN', `${owner.name} may not give what he has not`, {
      hint: 'ask for roles that are within your own',
    });
  }
  const { secret, prefix, hash } = newSecret('api');
  const id = randomUUID();
  await client.query(
    `insert into api_tokens (id, user_id, name, prefix, hash, expires_at)
     values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
    [id, owner.userId, asked.name, prefix, hash, asked.expiresInSeconds],
  );
  await writeGrants(client, { token: id }, asked.grants);
  return { id, secret };
}
