// Forward sync: what the release in the field writes is carried over to the new layout.
//
// Lock order. A writer of the old release holds the old row first and then wants the new one; a
// writer of the new release holds the new row first and then wants the old one. Where they meet,
// the new release gives way: the old side waits for a new row only PATIENCE at a time and then
// claims the slice; the new side never queues for an old row but looks again and again whether it
// is free, and answers serialization_failure when the slice is claimed (sync-backward.ts). So the
// old side is in no cycle that lasts long enough for PostgreSQL's deadlock detector to choose it,
// and a statement of the old release never fails because of sync. A row that cannot be carried goes
// to quarantine.
//
// All statements are static, so that each session plans them once. The plans may only look rows up
// by index (INDEX_PLANS), which is linear whatever number of rows a statement touches; a planner
// with a free hand makes a plan for one row that is quadratic in a transition table of 100,000, and
// a plan for 100,000 that reads the whole table for one row. Slices are compared, which no index
// serves: many rows of them are planned each time (sync-slices.ts).
// What costs microseconds here is paid by every write of the release in the field: settings stand
// on the function, one updated row has statements over its key, an update is tried before anything
// rarer, and questions that a simple expression can answer are not asked as queries.

import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { anyDiffers, rowOf, sameKey, typesOf } from './compared.js';
import { bindWith, type Mapping, type OldTable, type Touch } from './mapping.js';
import { work } from './places.js';
import {
  deleteGone,
  insertAll,
  type Slices,
  type Target,
  updateMany,
  updateOne,
  upsert,
} from './recompute.js';
import {
  carryQuarantined,
  claim,
  isAnythingQuarantined,
  sliceOf,
  WAIT_VARIABLES,
} from './sync-carry.js';
import {
  asStatic,
  carryName,
  checkAtOnce,
  type Event,
  forwardName,
  INDEX_PLANS,
  keyNames,
  keyVariable,
  oldWrites,
  ROWS,
  renameSlices,
  type SyncPlan,
  syncRoutine,
  touchedSlices,
  touchOf,
} from './sync-plan.js';
import { carrySlices, isSliced } from './sync-slices.js';
import { takeTurn, waitOrGiveUp } from './sync-turns.js';

/** How long the old side waits for a new row before it claims the slice. */
const PATIENCE = sql`set lock_timeout = '5ms'`;
/** The trigger function on an old table for one event. */
export function forwardFunction(plan: SyncPlan, source: OldTable, event: Event): Sql {
  const slices = touchedSlices(event, { slice: source.key, via: null }, plan);
  const { declare, body } = carriedBy({ plan, source, slices }, event);
  const oneByOne = sql`for slice in ${slices} loop
          perform ${carryName(plan)}(${keyNames(plan).map((key) => sql`slice.${name(key)}`)});
        end loop;`;
  return syncRoutine(plan, {
    at: forwardName(plan, source.relation.name, event),
    about: `${event} on ${source.relation.name} by the old release`,
    declare: [sql`writes bigint`, ...WAIT_VARIABLES, sql`slice record`, ...declare],
    settings: [...INDEX_PLANS, PATIENCE],
    body: [
      // Contract looks whether this sequence moves.
      sql`writes := nextval(${literal(oldWrites(plan.places).text)}::regclass);`,
      sql`loop
    begin
      ${checkAtOnce(plan)}${takeTurn(plan, slices, source.relation)}${joined(body, '\n      ')}
      if ${isAnythingQuarantined(plan)} then
        ${carryQuarantined(plan, slices)}
      end if;
      exit;
    exception
      when lock_not_available or deadlock_detected then
        ${claim(plan, slices, oneByOne)}${waitOrGiveUp(plan, slices, oneByOne)}
      when others then
        ${oneByOne}
        exit;
    end;
  end loop;`,
    ],
  });
}

function carriedBy(written: Written, event: Event): Carried {
  const { plan, source, slices } = written;
  if (isSliced(plan)) return carrySlices(plan, source, { event, slices });
  return { insert: carryInserted, update: carryUpdated, delete: carryDeleted }[event](written);
}

/** A statement of the old release on one of its tables. */
interface Written {
  readonly plan: SyncPlan;
  readonly source: OldTable;
  readonly slices: Slices;
}

/** A target that the written table touches. */
interface Touched {
  readonly target: Target;
  readonly touch: Touch;
}

function touchedBy({ plan, source }: Written): Touched[] {
  return plan.forward.flatMap((target) => {
    const touch = touchOf(target.mapping, source.relation);
    return touch === null ? [] : [{ target, touch }];
  });
}

/** What one event needs: variables, and statements that may be run again after a wait. */
interface Carried {
  readonly declare: readonly Sql[];
  readonly body: readonly Sql[];
}

/**
 * New rows are read from the statement itself and inserted plainly. Where a row is there against
 * all expectation, its insert fails, and the rows are carried one by one.
 */
function carryInserted(written: Written): Carried {
  const { plan, source } = written;
  const bind = bindWith(source.relation, ROWS.new, plan.bind);
  const body = touchedBy(written).flatMap(({ target, touch }) =>
    touch.drives ? [asStatic(insertAll(target, bind))] : bringUpToDate(target, written),
  );
  return { declare: [], body };
}

/** Rows that refer go before what they refer to, unless a cascade takes them along. */
function carryDeleted(written: Written): Carried {
  const { plan, slices } = written;
  const body = touchedBy(written)
    .reverse()
    .flatMap(({ target, touch }) => {
      if (!touch.drives) return bringUpToDate(target, written);
      const own = renameSlices(plan, slices, target.mapping);
      const gone = target.isCascaded ? [] : [deleteGone(target, plan.bind, own)];
      return [...gone, ...isNoMore(target, plan, own)].map(asStatic);
    });
  return { declare: [], body };
}

/** Of a row that is there whether or not the written one is. */
function bringUpToDate(target: Target, { plan, slices }: Written): Sql[] {
  const update = updateMany(target, plan.bind, renameSlices(plan, slices, target.mapping));
  return update === null ? [] : [asStatic(update)];
}

function carryUpdated(written: Written): Carried {
  const { plan } = written;
  const touched = touchedBy(written);
  const keys = keyNames(plan).map((key) => keyVariable(key));
  const flags = touched.map((_, index) => name(`touched_${index}`));
  const one = touched.map(({ target }, index) => {
    const body = joined(carryOne(target, plan), '\n          ');
    return sql`if ${flags[index] ?? sql``} then ${body} end if;`;
  });
  return {
    declare: [
      ...plan.key.map((key) => sql`${keyVariable(key.name)} ${trusted(key.type)}`),
      ...flags.map((flag) => sql`${flag} boolean`),
      ...touched.map((_, index) => sql`${countName(index)} bigint`),
      sql`is_moved boolean`,
      sql`touched_rows int`,
      sql`changed_rows bigint`,
      sql`nestloop text`,
    ],
    body: [
      sql`touched_rows := 0;
      for ${[...keys, sql`is_moved`, ...flags]} in ${firstRows(written)} loop
        touched_rows := touched_rows + 1;
      end loop;
      if touched_rows = 1 and not is_moved then
        ${joined(one, '\n        ')}
      elsif touched_rows > 0 then
        ${joined(carryMany(written), '\n        ')}
      end if;`,
    ],
  };
}

/**
 * At most two rows: is it one? One row pairs with itself; of several, any two pairs will do. With
 * the key, whether it changed, and which mappings watch a column that changed.
 */
function firstRows(written: Written): Sql {
  const { key, table } = written.source;
  const moved = sql`(${anyDiffers('n', 'o', key, typesOf(table))})`;
  return sql`select ${[...key.map((one) => name('n', one)), moved, ...watched(written)]}
        from ${ROWS.new} as n, ${ROWS.old} as o limit 2`;
}

/** For each mapping, whether a column that it watches differs between n and o. */
function watched(written: Written): Sql[] {
  const { key, table } = written.source;
  return touchedBy(written).map(({ touch }) => {
    const columns = touch.watches.filter((one) => !key.includes(one));
    return sql`(${anyDiffers('n', 'o', columns, typesOf(table))})`;
  });
}

/** An update mostly finds its row there: only when it does not, is looked for gone and new. */
function carryOne(target: Target, plan: SyncPlan): Sql[] {
  const values = keyNames(plan).map((one) => keyVariable(one));
  const rarer = goneAndNew(target, plan, sliceOf(values, target.mapping.slice));
  const update = updateOne(target, plan.bind, values);
  return update === null ? [rarer] : [asStatic(update), sql`if not found then ${rarer} end if;`];
}

function goneAndNew(target: Target, plan: SyncPlan, slices: Slices): Sql {
  const statements = [
    deleteGone(target, plan.bind, slices),
    upsert(target, plan.bind, slices),
    ...isPresent(target, plan, slices),
  ];
  return joined(statements.map(asStatic), ' ');
}

/**
 * Counts for each mapping the rows in which a watched column changed, and those whose key is new;
 * mappings that nothing touched are left alone, the others updated, and only where that did not
 * find as many rows as changed is looked for gone and new. The count pairs rows of the statement,
 * which have no index: it alone is planned as a hash join.
 */
function carryMany(written: Written): Sql[] {
  const { plan, source, slices } = written;
  const touched = touchedBy(written);
  const isNew = sql`${name('o', source.key[0] ?? '')} is null`;
  const counts = watched(written).map((one) => sql`count(*) filter (where ${one} or ${isNew})`);
  const into = touched.map((_, index) => countName(index));
  const count = sql`select ${counts} into ${into} from ${ROWS.new} as n
          left join ${ROWS.old} as o on ${sameKey('o', source.key, 'n')};`;
  const carried = touched.map(({ target }, index) => {
    const own = renameSlices(plan, slices, target.mapping);
    const update = updateMany(target, plan.bind, own);
    const first =
      update === null
        ? sql`changed_rows := 0;`
        : sql`${asStatic(update)} get diagnostics changed_rows = row_count;`;
    return sql`if ${countName(index)} > 0 then
          ${first}
          if changed_rows < ${countName(index)} then ${goneAndNew(target, plan, own)} end if;
        end if;`;
  });
  const joins = (hash: Sql, loop: Sql) =>
    sql`perform set_config('enable_hashjoin', ${hash}, true),
          set_config('enable_nestloop', ${loop}, true);`;
  return [
    sql`nestloop := current_setting('enable_nestloop');`,
    joins(sql`'on'`, sql`'off'`),
    count,
    joins(sql`'off'`, sql`nestloop`),
    ...carried,
  ];
}

function countName(index: number): Sql {
  return name(`changed_${index}`);
}

/** With the old row goes what is kept of its parts; a key used again starts clean. */
function isNoMore(target: Target, plan: SyncPlan, slices: Slices): Sql[] {
  const { absence, kept } = target.mapping;
  const beside = [...(absence === null ? [] : [absence]), ...kept.map((one) => one.relation)];
  return beside.map(
    (relation) => sql`delete from ${plan.bind(relation)} as m
          where ${rowOf('m', keyNames(plan))} in (${slices})`,
  );
}

/** A row that the old release brought to life is not missing any more, whatever it writes later. */
function isPresent(target: Target, plan: SyncPlan, slices: Slices): Sql[] {
  const { mapping } = target;
  if (mapping.absence === null) return [];
  const absence = plan.bind(mapping.absence);
  const same = sameKey('t', mapping.slice, 'm', keyNames(plan));
  return [
    sql`delete from ${absence} as m using ${plan.bind(mapping.target)} as t
          where ${rowOf('t', mapping.slice)} in (${slices}) and ${same}`,
  ];
}

/**
 * Row trigger on a spill table: what it keeps beside an old row is a part of what the row gives.
 */
export function spillFunction(plan: SyncPlan, spill: Mapping): Sql {
  const call = (row: 'old' | 'new') =>
    sql`perform ${carryName(plan)}(${spill.slice.map((column) => name(row, column))});`;
  return syncRoutine(plan, {
    at: work(plan.places, 'forward', spill.target.name),
    about: `what is kept beside a row of ${plan.cluster.id} changes`,
    body: [sql`if tg_op = 'DELETE' then ${call('old')} else ${call('new')} end if;`],
  });
}
