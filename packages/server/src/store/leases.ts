// Leases: who owns what must have one owner, with a number that grows whenever the owner changes.
//
// Invariant: a number is given to one owner only. Whoever writes for what he owns names the number
// in the same transaction (`assertOwner`), and is refused once there is a higher one; so an owner
// that was paused, and does not know that it is late, harms nothing. Time is the shard's own.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase } from 'pg';

/** Whatever sends statements: a shard, or a connection in a transaction. */
export interface Queryable {
  query<Row extends Record<string, unknown>>(
    sql: string,
    values: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }>;
}

export interface Lease {
  readonly name: string;
  readonly owner: string;
  readonly fence: number;
}

/** Takes what nobody owns, or whose owner is late; null when somebody owns it. Renews one's own. */
export async function takeLease(
  on: Queryable,
  { name, owner }: { readonly name: string; readonly owner: string },
  seconds: number,
): Promise<Lease | null> {
  const { rows } = await on.query<{ fence: number }>(
    `insert into leases as l (name, owner, fence, expires_at)
     values ($1, $2, 1, now() + make_interval(secs => $3))
     on conflict (name) do update
       set owner = excluded.owner, expires_at = excluded.expires_at,
         fence = l.fence + case when l.owner = excluded.owner and l.expires_at > now()
           then 0 else 1 end
       where l.owner = excluded.owner or l.expires_at <= now()
     returning fence::int`,
    [name, owner, seconds],
  );
  const fence = rows[0]?.fence;
  return fence === undefined ? null : { name, owner, fence };
}

/** Keeps a lease for so long from now on. @returns false when it is another's by now. */
export async function renewLease(on: Queryable, lease: Lease, seconds: number): Promise<boolean> {
  const { rowCount } = await on.query(
    `update leases set expires_at = now() + make_interval(secs => $4)
     where name = $1 and owner = $2 and fence = $3 and expires_at > now()`,
    [lease.name, lease.owner, lease.fence, seconds],
  );
  return rowCount === 1;
}

/** Gives a lease back early. Does nothing when it is another's by now. */
export async function giveLease(on: Queryable, lease: Lease): Promise<void> {
  await on.query(
    `update leases set expires_at = now() where name = $1 and owner = $2 and fence = $3`,
    [lease.name, lease.owner, lease.fence],
  );
}

/**
 * Within a transaction: what follows is done as the owner, whom nobody follows before the commit.
 * @throws LEASE_LOST when there is a higher number.
 */
export async function assertOwner(client: ClientBase, lease: Lease): Promise<void> {
  const { rowCount } = await client.query(
    `select from leases where name = $1 and owner = $2 and fence = $3 for share`,
    [lease.name, lease.owner, lease.fence],
  );
  if (rowCount === 1) return;
  throw new HalflapError('LEASE_LOST', `${lease.name} is owned by another server now`, {
    hint: 'nothing: the other one goes on with it',
  });
}
