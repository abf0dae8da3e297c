// Whether a host belongs to the cluster: approved, revoked, removed; within a transaction that has
// its bucket.
//
//   pending ──approve──► active ──revoke──► revoked ──remove──► (gone)
//      └────────────────revoke────────────────▲
//
// A session that a host has when it is revoked loses its number: what comes by it is refused from
// then on, and its server ends it when it next says that the host lives.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { noteEvent } from '../agents/events.js';
import { isWithin, type Scope } from '../api/caller.js';
import { found } from '../api/route.js';

type Standing = 'pending' | 'active' | 'revoked';

/** Locks the host. @throws API_NOT_FOUND, also when it is out of the scope. */
async function standingOf(client: ClientBase, host: string, scope: Scope): Promise<Standing> {
  const { rows } = await client.query<{ state: Standing; labels: Record<string, string> }>(
    'select state, labels from hosts where id = $1 for update',
    [host],
  );
  const [row] = rows;
  return found(row !== undefined && isWithin(scope, row.labels) ? row : undefined, `host ${host}`)
    .state;
}

/** Idempotent. @throws API_NOT_FOUND; API_CONFLICT when it was revoked. */
export async function approveHost(
  client: ClientBase,
  host: string,
  { scope, by }: { readonly scope: Scope; readonly by: string },
): Promise<void> {
  const state = await standingOf(client, host, scope);
  if (state === 'active') return;
  if (state === 'revoked') {
    throw new HalflapError('API_CONFLICT', `host ${host} was revoked`, {
      hint: 'have its agent enrol again, with a new key',
    });
  }
  await client.query(`update hosts set state = 'active', approved_by = $2 where id = $1`, [
    host,
    by,
  ]);
  await noteEvent(client, host, { kind: 'approved', message: `${by} has approved it` });
}

/** With all its certificates. Idempotent. @throws API_NOT_FOUND */
export async function revokeHost(
  client: ClientBase,
  host: string,
  { scope, by, because }: { readonly scope: Scope; readonly by: string; readonly because: string },
): Promise<void> {
  const state = await standingOf(client, host, scope);
  if (state === 'revoked') return;
  await client.query(
    `update hosts set state = 'revoked', fence = fence + 1, session_expires_at = now()
     where id = $1`,
    [host],
  );
  await client.query(
    `update host_certificates set revoked_at = now(), revoked_because = $2
     where host_id = $1 and revoked_at is null`,
    [host, because],
  );
  const message = `${by} has revoked it: ${because}`;
  await noteEvent(client, host, { kind: 'revoked', severity: 'warning', message });
}

/** With all that it told. @throws API_NOT_FOUND; API_CONFLICT unless it was revoked. */
export async function removeHost(client: ClientBase, host: string, scope: Scope): Promise<void> {
  const state = await standingOf(client, host, scope);
  if (state !== 'revoked') {
    throw new HalflapError('API_CONFLICT', `host ${host} is ${state}`, {
      hint: 'revoke it first',
    });
  }
  await client.query('delete from hosts where id = $1', [host]);
}
