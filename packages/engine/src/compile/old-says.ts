// The new release's tables as the old ones say them: what they were before the statement that is
// being carried back, and what an old row would be read as.

import { name, sql } from '../sql.js';
import { sameKey } from './compared.js';
import { type Bind, bindWith } from './mapping.js';
import { writtenColumns } from './slices.js';
import type { SyncPlan } from './sync-plan.js';

/** New tables as they follow from the old ones; what only they have is as it is in them. */
export function asOldSays(plan: SyncPlan): Bind {
  return plan.forward.reduce<Bind>((bind, { mapping, types }) => {
    const told = writtenColumns(mapping);
    const own = [...types.keys()].filter((column) => !told.includes(column));
    const ownJoined = sql` left join ${plan.bind(mapping.target)} as n
        on ${sameKey('n', mapping.key, 'q')}`;
    const columns = [...told.map((one) => name('q', one)), ...own.map((one) => name('n', one))];
    const rows = sql`(select ${columns}
        from (${mapping.query(plan.bind)}) as q${own.length === 0 ? sql`` : ownJoined})`;
    return bindWith(mapping.target, rows, bind);
  }, plan.bind);
}
