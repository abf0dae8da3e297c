// Carrying back where slices hold many rows: whether the new rows of the touched slices come back,
// and what is done where they do not.
//
// One statement of the new release may change several of its tables: by WITH, or because rows go
// along with those that they refer to; and by ON CONFLICT it inserts some rows and updates others.
// Each trigger finds the rows of the others as the statement left them, so what follows from rows
// of two of them is a difference of neither. A slice that does not come back is therefore carried
// as a whole before it is refused. What the slice was before, the old tables say: in dual both
// layouts are equal until a statement begins.

import { SQLSTATES } from '@halflap/protocol';
import { joined, literal, type Sql, sql } from '../sql.js';
import { rowOf } from './compared.js';
import { made } from './key-maps-new.js';
import type { Bind } from './mapping.js';
import { asOldSays } from './old-says.js';
import type { Slices } from './recompute.js';
import { dynamic, raise } from './routine.js';
import { applyDifferences, mismatches } from './slices.js';
import { isServed, lockPolitely } from './sync-backward.js';
import { isAnythingQuarantined, isHeld, lastQuarantined } from './sync-carry.js';
import { renameSlices, type SyncPlan } from './sync-plan.js';

/** What stands in the way of a row only for as long as somebody else is busy. */
const CONTENDED = ['40001', '40P01', '55P03'];

/**
 * Refuses what the old layout has not kept: all new rows of the slices must come back. A slice in
 * quarantine differs for a reason that is none of this statement's: of it is asked whether the new
 * rows would come back from an old layout that is made of them.
 * @param left the new tables, as the statement leaves them.
 */
export function roundTrip(plan: SyncPlan, left: Bind, slices: Slices): Sql {
  const ofNew: Bind = (relation) => {
    const made = plan.backward.find(
      ({ mapping: { target } }) => target.side === relation.side && target.name === relation.name,
    );
    return made === undefined ? left(relation) : sql`(${made.mapping.query(left)})`;
  };
  const some = (condition: Sql) => sql`select s.* from (${slices}) as s where ${condition}`;
  const isAny = isAnythingQuarantined(plan);
  return sql`${carryWhole(plan, left, some(sql`not (${isAny} and ${isHeld(plan)})`))}
    if ${isAny} then
      ${refuseLost(plan, ofNew, some(isHeld(plan)))}
    end if;`;
}

function carryWhole(plan: SyncPlan, left: Bind, slices: Slices): Sql {
  if (isOneByMap(plan)) return refuseLost(plan, left, slices);
  const changes = applyDifferences(plan.backward, plan.bind, {
    before: asOldSays(plan),
    after: left,
    slices: (mapping) => renameSlices(plan, slices, mapping),
    isFresh: false,
    mayBeMade: true,
  });
  return sql`for refused in ${lost(plan, left, slices)} loop
      ${lockPolitely(plan, plan.backward, slices)}
      ${isServed(plan)}
      ${isUpToDate(plan, slices)}
      ${joined(
        drawKeys(plan, slices).map((one) => dynamic(one)),
        '\n      ',
      )}
      ${dynamic(changes)}
      ${refuseLost(plan, left, slices)}
      exit;
    end loop;`;
}

/**
 * Whether a map tells the slices of the only new table. It has followed the rows already, and says
 * no more which old rows they were: to make those anew would leave the others behind.
 */
function isOneByMap({ forward: [first, ...others] }: SyncPlan): boolean {
  return others.length === 0 && first !== undefined && first.mapping.via !== null;
}

/**
 * Rows of the slices whose keys go into a map: the trigger that puts them there is that of their
 * own table, and may come after this one.
 */
function drawKeys(plan: SyncPlan, slices: Slices): Sql[] {
  return plan.maps.flatMap((map) => {
    const own = plan.forward.find(({ mapping }) => mapping.target.name === map.table.name);
    if (map.told === null || own === undefined || own.mapping.via !== null) return [];
    const { target, slice } = own.mapping;
    const isOfSlice = sql`${rowOf('t', slice)} in (${renameSlices(plan, slices, own.mapping)})`;
    const rows = sql`(select t.* from ${plan.bind(target)} as t where ${isOfSlice})`;
    return made(map, plan.places, rows, true);
  });
}

/**
 * A slice that a writer of the old release had to leave to whoever comes next (sync-turns.ts) is
 * older than it says: what is computed from it would write over what was left.
 */
export function isUpToDate(plan: SyncPlan, slices: Slices): Sql {
  const message = `could not serialize access to ${plan.cluster.id}: not all of it is carried yet`;
  return sql`if ${isAnythingQuarantined(plan)} and ${isLeft(plan, slices)} then
    raise serialization_failure using
      message = ${literal(message)},
      hint = 'Run the transaction again; halflap verify carries what nobody else does.';
  end if;`;
}

/** Whether any of the slices is in quarantine because somebody else was busy. */
function isLeft(plan: SyncPlan, slices: Slices): Sql {
  const why = sql` and z.sqlstate in (${CONTENDED.map((one) => literal(one))})`;
  return sql`exists (
    select from (${slices}) as s where ${isHeld(plan, why)}
  )`;
}

/**
 * What a statement through the lens writes is carried forward as the old release's writes are, and
 * left in quarantine where a new row is newer than the transaction's snapshot, as one is that a row
 * came into which the snapshot does not show. The old release would go on. The new one gives way:
 * after the switch it would not see what it was acknowledged, and a statement that is under way
 * then would look for its row in the new table.
 */
export function isCarried(plan: SyncPlan, slices: Slices): Sql[] {
  if (plan.places.isTemporary) return [];
  const message = `could not serialize access to ${plan.cluster.id} due to concurrent update`;
  return [
    sql`if ${lastQuarantined(plan)} is distinct from quarantined_before
    and ${isLeft(plan, slices)} then
    raise serialization_failure using
      message = ${literal(message)}, hint = 'Run the transaction again.';
  end if;`,
  ];
}

/** Of a function that asks whether its writes are carried: what is in quarantine by others. */
export function carriedVariables(plan: SyncPlan): Sql[] {
  return plan.places.isTemporary
    ? []
    : [sql`quarantined_before bigint := ${lastQuarantined(plan)}`];
}

function refuseLost(plan: SyncPlan, bind: Bind, slices: Slices): Sql {
  return sql`for refused in ${lost(plan, bind, slices)} loop
      ${refuse(plan, sql`refused.relation`)}
    end loop;`;
}

/** Of what is called `refused`, with its key. */
export function refuse({ places }: SyncPlan, relation: Sql): Sql {
  const message = sql`format('release %s of this shard cannot hold this row of %s: key %s',
        ${literal(places.from)}, ${relation}, refused.key)`;
  return raise('HL001', message, {
    detail: literal(SQLSTATES.HL001),
    hint: literal(
      'Both releases are in service on this shard. ' +
        `Write what release ${places.from} can hold, or wait until the shard is contracted.`,
    ),
  });
}

function lost(plan: SyncPlan, bind: Bind, slices: Slices): Sql {
  const finds = plan.forward.map((target) => {
    const own = renameSlices(plan, slices, target.mapping);
    return sql`(${mismatches(target, bind, own)} limit 1)`;
  });
  return joined(finds, '\n      union all ');
}
