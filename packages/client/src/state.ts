// The statements by which a server reads a shard's state and says that it lives. The doors they use
// are made by the engine (engine/src/shard/state.sql) and open to every role.

import type { ClientBase } from 'pg';
import { isStateMissing } from './failure.js';
import type { ShardFacts } from './mode.js';
import type { ServedMode, Settings } from './options.js';

/** The shard's row, or null in a database that Halflap never touched. Takes no lease. */
export async function readFacts(client: ClientBase): Promise<ShardFacts | null> {
  try {
    const result = await client.query<ShardFacts>(
      `select s.app, s.floor, s.ceiling, s.phase, s.paused,
              (select max(f.min_reader) from halflap.format as f) as min_reader
       from halflap.shard as s`,
    );
    return result.rows[0] ?? null;
  } catch (error) {
    if (isStateMissing(error)) return null;
    throw error;
  }
}

/** Takes or renews this process's lease, and reads the shard's row as it is after that. */
export async function renewLease(
  client: ClientBase,
  instance: string,
  mode: ServedMode,
  who: Pick<Settings, 'server' | 'release' | 'leaseSeconds'>,
): Promise<ShardFacts | null> {
  const result = await client.query<ShardFacts>(
    `select s.app, s.floor, s.ceiling, s.phase, s.paused,
            (select max(f.min_reader) from halflap.format as f) as min_reader
     from halflap.renew_lease($1::uuid, $2, $3, $4, $5::int) as s`,
    [instance, who.server, who.release, mode, who.leaseSeconds],
  );
  return result.rows[0] ?? null;
}

/** Gives the lease back. Idempotent. */
export async function releaseLease(client: ClientBase, instance: string): Promise<void> {
  await client.query('select halflap.release_lease($1::uuid)', [instance]);
}
