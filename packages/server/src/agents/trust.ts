// What hosts have said that they keep of the cluster's keys: with that the cluster knows whom it
// would lose by dropping one.

import type { Kept } from '@halflap/protocol/agent';
import type { ClientBase } from 'pg';
import type { Store } from '../store/store.js';
import type { Present } from './presence.js';

/**
 * Notes what the host of a session has kept, while the session is its last.
 * @returns the digest of the authority that its certificate is from; '' for one that nobody issued.
 */
export function noteKept(store: Store, session: Present, kept: Kept): Promise<string> {
  return store.withHost(session.host, async (client) => {
    const { host, fence } = session;
    const found = await client.query('select from hosts where id = $1 and fence = $2 for update', [
      host,
      fence,
    ]);
    return found.rowCount === 0 ? '' : writeKept(client, host, kept);
  });
}

/** In the transaction that has the host's bucket. @returns as `noteKept` */
export async function writeKept(
  client: ClientBase,
  host: string,
  { keys, authorities, certificate }: Kept,
): Promise<string> {
  const { rows } = await client.query<{ authority: string | null }>(
    `update hosts as h
     set trusted_keys = $2, trusted_authorities = $3, certificate_authority =
       (select c.authority from host_certificates as c
        where c.host_id = h.id and 'sha256:' || c.fingerprint = $4)
     where h.id = $1
     returning certificate_authority as authority`,
    [host, keys, authorities, certificate],
  );
  return rows[0]?.authority ?? '';
}
