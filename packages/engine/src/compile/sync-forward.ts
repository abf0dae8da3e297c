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
// One row is handled by static statements over its key; many rows by statements planned afresh,
// because one plan serves both badly: a plan made for one row is quadratic in a transition table of
// 100,000, and a plan made for 100,000 reads the whole table for one row.
// What costs microseconds here is paid by every write of the release in the field: settings stand
// on the function, an update is tried before anything rarer, and questions that a simple expression
// can answer are not asked as queries.

import { integer, joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { anyDiffers, rowOf, sameKey } from './compared.js';
import type { Mapping, Touch } from './mapping.js';
import { stateTable, work } from './places.js';
import {
  deleteGone,
  type Slices,
  type Target,
  updateMany,
  updateOne,
  upsert,
} from './recompute.js';
import { dynamic, routine } from './routine.js';
import {
  asStatic,
  carryName,
  checkAtOnce,
  clusterClaim,
  ECHO_VARIABLE,
  type Event,
  forwardName,
  keyNames,
  keyVariable,
  MARKER_VARIABLE,
  markEcho,
  ONE_ROW_PLANS,
  oldWrites,
  ownQuarantine,
  quarantineCount,
  quarantineKey,
  ROWS,
  renameSlices,
  rowsOf,
  type SyncPlan,
  sliceClaim,
  touchedSlices,
  UNMARK_ECHO,
} from './sync-plan.js';

/** How long the old side waits for a new row before it claims the slice. */
const PATIENCE = sql`set lock_timeout = '5ms'`;
/**
 * After so many waits the next are long enough for the deadlock detector: whoever holds the new row
 * may wait for something else of ours than the old row, and then must be found out.
 */
const SHORT_WAITS = 100;
const LONG_WAIT_MS = 2000;
/** A statement that touches more rows than this claims the whole cluster instead of each slice. */
const CLAIMED_SLICES = 64;

/** The trigger function on an old table for one event. */
export function forwardFunction(plan: SyncPlan, event: Event): Sql {
  const touch = plan.forward[0]?.mapping.touches[0] as Touch;
  const slices = touchedSlices(event, touch, plan);
  const flags = plan.forward.map((_, index) => name(`touched_${index}`));
  const isUpdate = event === 'update';
  // Parts go before the row that they refer to.
  const targets = event === 'delete' ? [...plan.forward].reverse() : plan.forward;
  const one = targets.map((target, index) => {
    const body = joined(carryOne(target, plan, event), '\n          ');
    return isUpdate ? sql`if ${flags[index] ?? sql``} then ${body} end if;` : body;
  });
  const many = isUpdate
    ? carryManyUpdated(plan, slices)
    : targets.flatMap((target) => carryMany(target, plan, event, slices));
  const keys = keyNames(plan).map((key) => keyVariable(key));
  return routine(plan.places, {
    at: forwardName(plan, event),
    returns: 'trigger',
    about: `${event} on ${plan.cluster.id} by the old release`,
    declare: [
      sql`writes bigint := nextval(${literal(oldWrites(plan.places).text)}::regclass)`,
      ...plan.key.map((key) => sql`${keyVariable(key.name)} ${trusted(key.type)}`),
      ...(isUpdate ? flags.map((flag) => sql`${flag} boolean`) : []),
      ...(isUpdate ? plan.forward.map((_, index) => sql`${countName(index)} bigint`) : []),
      sql`is_moved boolean`,
      sql`touched_rows int`,
      sql`changed_rows bigint`,
      sql`waits int := 0`,
      sql`slice record`,
      ECHO_VARIABLE,
      MARKER_VARIABLE,
    ],
    settings: [ONE_ROW_PLANS, PATIENCE],
    body: [
      markEcho(plan),
      sql`loop
    begin
      touched_rows := 0;${checkAtOnce(plan)}
      for ${[...keys, sql`is_moved`, ...(isUpdate ? flags : [])]} in ${firstRows(plan, event)} loop
        touched_rows := touched_rows + 1;
      end loop;
      if touched_rows = 1 and not is_moved then
        ${joined(one, '\n        ')}
      elsif touched_rows > 0 then
        perform set_config('enable_seqscan', 'on', true);
        ${joined(many, '\n        ')}
      end if;
      if ${isAnythingQuarantined(plan)} then
        ${forgetQuarantined(plan, slices)}
      end if;
      exit;
    exception
      when lock_not_available or deadlock_detected then
        ${claim(plan, slices)}
      when others then
        for slice in ${slices} loop
          perform ${carryName(plan)}(${keyNames(plan).map((key) => sql`slice.${name(key)}`)});
        end loop;
        exit;
    end;
  end loop;`,
      UNMARK_ECHO,
      sql`return null;`,
    ],
  });
}

/**
 * At most two rows: is it one? One row pairs with itself; of several, any two pairs will do. With
 * the key, whether it changed, and which mappings watch a column that changed.
 */
function firstRows(plan: SyncPlan, event: Event): Sql {
  const types = plan.backward[0]?.types ?? new Map();
  const keys = keyNames(plan);
  const list = keys.map((one) => name('n', one));
  if (event !== 'update') {
    return sql`select ${[...list, sql`false`]} from ${rowsOf(event)} as n limit 2`;
  }
  const moved = sql`(${anyDiffers('n', 'o', keys, types)})`;
  return sql`select ${[...list, moved, ...watched(plan)]}
        from ${ROWS.new} as n, ${ROWS.old} as o limit 2`;
}

/** For each mapping, whether a column that it watches differs between n and o. */
function watched(plan: SyncPlan): Sql[] {
  const types = plan.backward[0]?.types ?? new Map();
  const keys = keyNames(plan);
  return plan.forward.map(({ mapping }) => {
    const columns = mapping.touches[0]?.watches.filter((one) => !keys.includes(one)) ?? [];
    return sql`(${anyDiffers('n', 'o', columns, types)})`;
  });
}

/** An update mostly finds its row there: only when it does not, is looked for gone and new. */
function carryOne(target: Target, plan: SyncPlan, event: Event): Sql[] {
  const keys = keyNames(plan);
  const values = keys.map((one) => keyVariable(one));
  const slice = sliceOf(values, target.mapping.slice);
  const insert = upsert(target, plan.bind, slice);
  const gone = deleteGone(target, plan.bind, slice);
  if (event === 'insert') return [asStatic(insert)];
  if (event === 'delete') return [gone, ...isNoMore(target, plan, slice)].map(asStatic);
  const rarer = joined([gone, insert, ...isPresent(target, plan, slice)].map(asStatic), ' ');
  const update = updateOne(target, plan.bind, values);
  return update === null ? [rarer] : [asStatic(update), sql`if not found then ${rarer} end if;`];
}

function carryMany(target: Target, plan: SyncPlan, event: Event, slices: Slices): Sql[] {
  const own = renameSlices(plan, slices, target.mapping);
  if (event === 'insert') return [dynamic(upsert(target, plan.bind, own))];
  return [deleteGone(target, plan.bind, own), ...isNoMore(target, plan, own)].map(dynamic);
}

/**
 * Counts for each mapping the rows in which a watched column changed, and those whose key is new;
 * mappings that nothing touched are left alone, the others updated, and only where that did not
 * find as many rows as changed is looked for gone and new.
 */
function carryManyUpdated(plan: SyncPlan, slices: Slices): Sql[] {
  const isNew = sql`${name('o', keyNames(plan)[0] ?? '')} is null`;
  const counts = watched(plan).map((one) => sql`count(*) filter (where ${one} or ${isNew})`);
  const count = sql`select ${counts} from ${ROWS.new} as n
          left join ${ROWS.old} as o on ${sameKey('o', keyNames(plan), 'n')}`;
  const into = plan.forward.map((_, index) => countName(index));
  const carried = plan.forward.map((target, index) => {
    const own = renameSlices(plan, slices, target.mapping);
    const rarer = [
      deleteGone(target, plan.bind, own),
      upsert(target, plan.bind, own),
      ...isPresent(target, plan, own),
    ].map(dynamic);
    const update = updateMany(target, plan.bind, own);
    const first =
      update === null
        ? sql`changed_rows := 0;`
        : sql`${dynamic(update)} get diagnostics changed_rows = row_count;`;
    return sql`if ${countName(index)} > 0 then
          ${first}
          if changed_rows < ${countName(index)} then ${joined(rarer, ' ')} end if;
        end if;`;
  });
  return [sql`execute ${trusted(`$many$${count.text}$many$`)} into ${into};`, ...carried];
}

function countName(index: number): Sql {
  return name(`changed_${index}`);
}

/** With the old row goes what is kept of its parts; a key used again starts clean. */
function isNoMore(target: Target, plan: SyncPlan, slices: Slices): Sql[] {
  const { mapping } = target;
  if (mapping.absence === null) return [];
  return [
    sql`delete from ${plan.bind(mapping.absence)} as m
          where ${rowOf('m', keyNames(plan))} in (${slices})`,
  ];
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

/** In an exception handler: claims the slices, and grows patient when that does not help. */
function claim(plan: SyncPlan, slices: Slices): Sql {
  const few = sql`(select from (${slices}) as r limit ${integer(CLAIMED_SLICES + 1)})`;
  const hash = sliceClaim(
    plan,
    keyNames(plan).map((one) => name('s', one)),
  );
  return sql`waits := waits + 1;
        if waits = 1 and (select count(*) from ${few} as r) <= ${integer(CLAIMED_SLICES)} then
          perform pg_advisory_xact_lock_shared(${hash}) from (${slices}) as s;
        elsif waits = 1 then
          perform pg_advisory_xact_lock_shared(${clusterClaim(plan)});
        elsif waits = ${integer(SHORT_WAITS)} then
          perform set_config('lock_timeout', '${integer(LONG_WAIT_MS)}ms', true);
        end if;`;
}

/** One slice, from a value for each of its columns. */
function sliceOf(values: readonly Sql[], columns: readonly string[]): Slices {
  const list = values.map((value, index) => sql`${value} as ${name(columns[index] ?? '')}`);
  return sql`select ${list}`;
}

/** Recomputes one slice, waiting with patience; a row that cannot be carried goes to quarantine. */
export function carryFunction(plan: SyncPlan): Sql {
  const parameters = plan.key.map((one) => keyVariable(one.name));
  const slices = sliceOf(parameters, keyNames(plan));
  const own = ({ mapping }: Target) => renameSlices(plan, slices, mapping);
  const recompute = [
    ...[...plan.forward].reverse().map((target) => deleteGone(target, plan.bind, own(target))),
    ...plan.forward.map((target) => upsert(target, plan.bind, own(target))),
  ];
  const mine = ownQuarantine(plan, 'q');
  return routine(plan.places, {
    at: carryName(plan),
    parameters: joined(plan.key.map((one) => sql`${keyVariable(one.name)} ${trusted(one.type)}`)),
    returns: 'void',
    about: `carries one row of ${plan.cluster.id} over to the new layout`,
    declare: [
      sql`waits int := 0`,
      sql`failure_state text`,
      sql`failure_message text`,
      ECHO_VARIABLE,
      MARKER_VARIABLE,
    ],
    settings: [ONE_ROW_PLANS],
    body: [
      markEcho(plan),
      sql`loop
    begin
      ${checkAtOnce(plan)}${joined(recompute.map(asStatic), '\n      ')}
      delete from ${stateTable('quarantine')} as q
      where ${mine} and q.key = ${quarantineKey(plan, parameters)};
      exit;
    exception
      when lock_not_available or deadlock_detected then
        ${claim(plan, slices)}
      when others then
        perform nextval(${literal(quarantineCount(plan.places).text)}::regclass);
        get stacked diagnostics
          failure_state = returned_sqlstate, failure_message = message_text;
        insert into ${stateTable('quarantine')} as q (evolution, relation, key, sqlstate, reason)
        values (${literal(plan.places.evolution)}, ${literal(plan.cluster.id)},
          ${quarantineKey(plan, parameters)}, failure_state, failure_message)
        on conflict (evolution, relation, key) do update
        set sqlstate = excluded.sqlstate,
            reason = excluded.reason,
            noticed_at = clock_timestamp();
        exit;
    end;
  end loop;`,
      UNMARK_ECHO,
    ],
  });
}

/**
 * Row trigger on a spill table: what it keeps beside an old row is a part of what the row gives.
 */
export function spillFunction(plan: SyncPlan, spill: Mapping): Sql {
  const call = (row: 'old' | 'new') =>
    sql`perform ${carryName(plan)}(${spill.slice.map((column) => name(row, column))});`;
  return routine(plan.places, {
    at: work(plan.places, 'forward', spill.target.name),
    returns: 'trigger',
    about: `what is kept beside a row of ${plan.cluster.id} changes`,
    declare: [ECHO_VARIABLE, MARKER_VARIABLE],
    body: [
      markEcho(plan),
      sql`if tg_op = 'DELETE' then ${call('old')} else ${call('new')} end if;`,
      UNMARK_ECHO,
      sql`return null;`,
    ],
  });
}

/**
 * Asked at every write, so of a sequence and not of a table: it has a last value once any row of
 * the evolution went to quarantine.
 */
function isAnythingQuarantined(plan: SyncPlan): Sql {
  const count = literal(quarantineCount(plan.places).text);
  return sql`pg_sequence_last_value(${count}::regclass) is not null`;
}

/** A row that can be carried again needs nobody's attention any more. */
function forgetQuarantined(plan: SyncPlan, slices: Slices): Sql {
  const mine = ownQuarantine(plan, 'q');
  const key = quarantineKey(
    plan,
    keyNames(plan).map((one) => sql`slice.${name(one)}`),
  );
  return sql`for slice in ${slices} loop
      delete from ${stateTable('quarantine')} as q where ${mine} and q.key = ${key};
    end loop;`;
}
