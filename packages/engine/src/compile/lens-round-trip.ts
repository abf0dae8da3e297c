// Round trip: a write through a lens counts only if it comes back as it was written.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import { differs, sameKey, typesOf } from './compared.js';
import { inRelease } from './places.js';
import { raise } from './routine.js';
import type { Event, SyncPlan } from './sync-plan.js';

/** One event on one part, for which a trigger is written. */
export interface Writing {
  readonly cluster: SplitCluster;
  readonly part: SplitPartPlan;
  readonly plan: SyncPlan;
  readonly event: Event;
}

/** Round trip: what was written is what the lens now shows, in every column that was written. */
export function comesBack(writing: Writing): Sql {
  const { part, plan, event } = writing;
  const lens = inRelease(plan.places, part.table.name);
  const is = sameKey('q', part.mapping.slice, 'new');
  if (isAsStored(writing)) {
    return sql`select q.* into new from ${lens} as q where ${is};
  if not found then return null; end if;`;
  }
  const types = typesOf(part.table);
  const lost = part.mapping.columns.map((column) => {
    const found = name('found_row', column);
    const isLost = differs(found, name('new', column), types.get(column));
    if (event === 'insert') return sql`(${isLost})`;
    const isWritten = differs(name('new', column), name('old', column), types.get(column));
    if (!part.isJoined) return sql`(${isLost} and ${isWritten})`;
    // With a row that another column has taken away, values go that nobody wrote.
    const kept = name('before_row', column);
    return sql`(case when ${isWritten} then ${isLost}
      else ${differs(found, kept, types.get(column))} end)`;
  });
  const condition = lost.length === 0 ? sql`` : sql` or ${joined(lost, ' or ')}`;
  const why = notRepresentable(plan, part, sql`'written and read values differ'`);
  return sql`select q.* into found_row from ${lens} as q
  where ${is};
  if not found${condition} then ${why} end if;`;
}

/**
 * A table that has only gained columns holds whatever is written; what comes back otherwise, or not
 * at all, is what its own triggers have made of it.
 */
function isAsStored({ cluster, part, plan }: Writing): boolean {
  const isPlain = part.mapped.every((one) => one.source !== null);
  return plan.places.isTemporary && cluster.parts.length === 1 && isPlain && !part.isJoined;
}

export function notRepresentable(plan: SyncPlan, part: SplitPartPlan, why: Sql): Sql {
  const message = literal(
    `release ${plan.places.from} of this shard cannot hold this row of ${part.table.name}`,
  );
  return raise('HL001', message, {
    detail: why,
    hint: literal(
      `Release ${plan.places.from} is in service on this shard. ` +
        'Write what it can hold, or wait until the shard is contracted.',
    ),
  });
}
