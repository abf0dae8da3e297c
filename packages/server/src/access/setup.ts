// How the first user comes to be: a token that the server prints where only its operator looks.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { atHome } from '../store/home.js';
import { LOCKS } from '../store/install.js';
import type { Store } from '../store/store.js';
import { hashOf, newSecret } from './secrets.js';

/** An advisory lock of the store, above buckets and their giving out. */
const SETTING_UP = 2000;
const VALID = `interval '1 day'`;

/**
 * A new token for `POST /api/v1/setup`, valid for a day, while there is no user; null when there is
 * one. Each server that starts has one of its own; all are gone once one was used.
 * @throws STORE_UNAVAILABLE
 */
export function makeSetupToken(store: Store): Promise<string | null> {
  return atHome(store, async (client) => {
    if (await hasUsers(client)) return null;
    const { secret, hash } = newSecret('setup');
    await client.query(`delete from setup_tokens where made_at < now() - ${VALID}`);
    await client.query('insert into setup_tokens (hash) values ($1)', [hash]);
    return secret;
  });
}

/** Before the first user is made, in that transaction. @throws API_FORBIDDEN, API_CONFLICT */
export async function useSetupToken(client: ClientBase, secret: string): Promise<void> {
  if (await hasUsers(client)) {
    throw new HalflapError('API_CONFLICT', 'there are users already', {
      hint: 'sign in as an administrator, and make users',
    });
  }
  const { rowCount } = await client.query(
    `select from setup_tokens where hash = $1 and made_at > now() - ${VALID}`,
    [hashOf(secret)],
  );
  if (rowCount !== 1) {
    throw new HalflapError('API_FORBIDDEN', 'this set-up token is unknown, or older than a day', {
      hint: 'start a server: it prints a new one while there is no user',
    });
  }
  await client.query('delete from setup_tokens');
}

/** Under a lock, so that two who set up at once do not both find nobody. */
async function hasUsers(client: ClientBase): Promise<boolean> {
  await client.query('select pg_advisory_xact_lock($1, $2)', [LOCKS, SETTING_UP]);
  const { rowCount } = await client.query('select from users limit 1');
  return rowCount !== 0;
}
