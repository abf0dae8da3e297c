// The triggers that call sync. None has a condition that asks whose write it is: PostgreSQL parses
// conditions anew for every statement, so the functions ask (syncRoutine).

import { name, names, type Sql, sql, trusted } from '../sql.js';
import { anyDiffers, type Types } from './compared.js';
import type { Event } from './sync-plan.js';

/** What a statement trigger calls the rows that were and are: ROWS. */
export const TRANSITION = {
  insert: sql`referencing new table as h_new`,
  update: sql`referencing old table as h_old new table as h_new`,
  delete: sql`referencing old table as h_old`,
} as const;

export function statementTrigger(at: Sql, event: Event, routine: Sql): Sql {
  return sql`create trigger ${name(`halflap_sync_${event}`)} after ${trusted(event)} on ${at}
${TRANSITION[event]} for each statement execute function ${routine}()`;
}

/** For each row, since a statement's rows cannot be paired: before and after a key has changed. */
export function keyTrigger(at: Sql, key: readonly string[], types: Types, routine: Sql): Sql {
  const changed = anyDiffers('old', 'new', key, types);
  return sql`create trigger ${name('halflap_sync_key')} after update of ${names(key)} on ${at}
for each row when (${changed}) execute function ${routine}()`;
}

/** For each row that a statement may bring a part's row to, or take it from. */
export function existenceTrigger(at: Sql, columns: readonly string[], routine: Sql): Sql {
  const trigger = name('halflap_sync_existence');
  return sql`create trigger ${trigger} after update of ${names(columns)} on ${at}
for each row execute function ${routine}()`;
}

export function truncateTrigger(at: Sql, routine: Sql): Sql {
  return sql`create trigger ${name('halflap_sync_truncate')} after truncate on ${at}
for each statement execute function ${routine}()`;
}

/** Before a statement of the new release waits for any row. */
export function yieldTrigger(at: Sql, routine: Sql): Sql {
  return sql`create trigger ${name('halflap_sync_yield')}
before insert or update or delete on ${at}
for each statement execute function ${routine}()`;
}

export function spillTrigger(at: Sql, routine: Sql): Sql {
  return sql`create trigger ${name('halflap_sync_spill')} after insert or update or delete on ${at}
for each row execute function ${routine}()`;
}
