// The triggers that call sync. None of them acts on the engine's own writes: their conditions ask
// for the marker, or, where that would cost every statement too much, the function does.

import { name, names, type Sql, sql, trusted } from '../sql.js';
import { anyDiffers, type Types } from './compared.js';
import { type Event, noEcho, type SyncPlan } from './sync-plan.js';

const TRANSITION = {
  insert: sql`referencing new table as h_new`,
  update: sql`referencing old table as h_old new table as h_new`,
  delete: sql`referencing old table as h_old`,
} as const;

export function statementTrigger(plan: SyncPlan, at: Sql, event: Event, routine: Sql): Sql {
  return sql`create trigger ${name(`halflap_sync_${event}`)} after ${trusted(event)} on ${at}
${TRANSITION[event]} for each statement when (${noEcho(plan)}) execute function ${routine}()`;
}

/**
 * For each row, since a statement's rows cannot be paired: before and after a key has changed. On
 * the key's columns and without asking for an echo (the function does): PostgreSQL reads the
 * condition anew for every statement.
 */
export function keyTrigger(at: Sql, key: readonly string[], types: Types, routine: Sql): Sql {
  const changed = anyDiffers('old', 'new', key, types);
  return sql`create trigger ${name('halflap_sync_key')} after update of ${names(key)} on ${at}
for each row when (${changed}) execute function ${routine}()`;
}

export function truncateTrigger(plan: SyncPlan, at: Sql, routine: Sql): Sql {
  return sql`create trigger ${name('halflap_sync_truncate')} after truncate on ${at}
for each statement when (${noEcho(plan)}) execute function ${routine}()`;
}

export function spillTrigger(plan: SyncPlan, at: Sql, routine: Sql): Sql {
  return sql`create trigger ${name('halflap_sync_spill')} after insert or delete on ${at}
for each row when (${noEcho(plan)}) execute function ${routine}()`;
}
