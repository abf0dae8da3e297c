// The lens in the temporary schema of one session, by which a server of the newer release works on
// a settled shard. Its statements come from the bundle; here they are sent.
//
// Invariant: it is installed whole, in one transaction that has found the shard settled at the
// release and with the schema that the bundle was built from; else not at all.

import { fillFloorHoles, HOME_SCHEMA, type LensBundle, releaseSchema } from '@halflap/protocol';
import type { ClientBase } from 'pg';

/**
 * Installs the lens; the session's search_path is `sessionSearchPath`. Takes ACCESS SHARE on the
 * tables under it. A connection on which it fails is in a transaction that has failed.
 */
export async function installLens(client: ClientBase, bundle: LensBundle): Promise<void> {
  const { app, from, hash } = bundle;
  await client.query('begin isolation level read committed');
  const { rows } = await client.query<{ readonly relname: string | null }>(
    `select c.relname
     from halflap.shard as s
     left join pg_catalog.pg_namespace as n on n.nspname = $4
     left join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relkind in ('r', 'p')
     where s.phase = 'settled' and s.app = $1 and s.floor = $2 and s.fingerprint = $3`,
    [app, from.version, from.fingerprint, releaseSchema(app, from.version)],
  );
  if (rows.length === 0) throw new Error(`the shard is not settled at ${from.version} any more`);
  const own = new Set(rows.map((row) => row.relname));
  const schemaOf = (table: string) =>
    own.has(table) ? releaseSchema(app, from.version) : HOME_SCHEMA;
  const statements = bundle.sessionLens.statements.map((one) =>
    fillFloorHoles(one, hash, schemaOf),
  );
  await client.query(statements.join(';\n'));
  await client.query('commit');
}
