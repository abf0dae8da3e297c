// The statements by which a server reads a shard's state and says that it lives. The doors they use
// are made by the engine (engine/src/shard/state.sql) and open to every role.

import type { FeatureState } from '@halflap/protocol';
import type { ClientBase } from 'pg';
import { isStateMissing } from './failure.js';
import type { ShardFacts } from './mode.js';
import type { ServedMode, Settings } from './options.js';

/** Of the shard's row as `s`, and of the session that reads it. */
const FACTS = `s.app, s.floor, s.ceiling, s.phase, s.paused, s.fingerprint,
            (select max(f.min_reader) from halflap.format as f) as min_reader,
            pg_catalog.has_database_privilege(
              pg_catalog.current_database(), 'TEMPORARY'
            ) as may_be_temporary,
            pg_catalog.current_setting('transaction_read_only')::boolean as is_read_only,
            pg_catalog.to_regprocedure(
              'halflap.register_server(uuid, text, text, text, int, jsonb)'
            ) is not null as has_register,
            pg_catalog.quote_ident(current_user) as role,
            pg_catalog.quote_ident(pg_catalog.current_database()) as database`;

/** The shard's row, or null in a database that Halflap never touched. Takes no lease. */
export async function readFacts(client: ClientBase): Promise<ShardFacts | null> {
  try {
    const result = await client.query<ShardFacts>(`select ${FACTS} from halflap.shard as s`);
    return result.rows[0] ?? null;
  } catch (error) {
    if (isStateMissing(error)) return null;
    throw error;
  }
}

/** Takes or renews this process's lease, and reads the shard's row as it is after that. */
export async function renewLease(
  client: ClientBase,
  { instance, mode, hasRegister }: Renewal,
  who: Pick<Settings, 'server' | 'release' | 'leaseSeconds' | 'declaration'>,
): Promise<ShardFacts | null> {
  // Whose lens it is follows from the phase of the shard.
  const leased = mode === 'session' ? 'lens' : mode;
  const values = [instance, who.server, who.release, leased, who.leaseSeconds];
  if (!hasRegister) {
    const text = `select ${FACTS} from halflap.renew_lease($1::uuid, $2, $3, $4, $5::int) as s`;
    const old = await client.query<ShardFacts>(text, values);
    return old.rows[0] ?? null;
  }
  const result = await client.query<ShardFacts & Heard>(
    `select ${FACTS}, r.features, r.releases
     from halflap.register_server($1::uuid, $2, $3, $4, $5::int, $6::jsonb) as r
     cross join lateral (select (r.shard).*) as s`,
    [...values, who.declaration],
  );
  return result.rows[0] ?? null;
}

export interface Renewal {
  /** Names this process in the leases of all its shards. */
  readonly instance: string;
  readonly mode: ServedMode;
  /** False on a shard whose state was written by a Halflap that knew no features. */
  readonly hasRegister: boolean;
}

/** What a shard tells of features and of other servers. */
export interface Heard {
  /** Those that are off are not among them. */
  readonly features: Readonly<Record<string, FeatureState>>;
  /** Releases of the servers that live, each once. */
  readonly releases: readonly string[];
}

/** Gives the lease back. Idempotent. */
export async function releaseLease(client: ClientBase, instance: string): Promise<void> {
  await client.query('select halflap.release_lease($1::uuid)', [instance]);
}
