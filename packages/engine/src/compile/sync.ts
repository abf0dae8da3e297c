// Sync: statement-level triggers that keep two layouts equal.
//
// Direction is decided by the object written: the trigger on the old table carries forward, the one on
// the new table backward. A transaction-local marker (`halflap.echo`) stops the echo.
//
// Lock order. A writer of the old release holds the old row first and then wants the new one; a writer
// of the new release holds the new row first and then wants the old one. So that the two never wait for
// each other, the old side gives way: it waits for a new row only PATIENCE at a time, and when the
// holder has announced that it waits for our old row, the slice is left to it (`pending`): it finishes
// our work as soon as we commit, since every backward sync ends by making the new rows equal to the
// old one's state. A statement of the old release never fails and never deadlocks because of sync.
//
// Few rows are handled by static statements (plans cached while they were few); many rows by statements
// planned afresh, because one plan serves both badly: measured, a plan made for one row is quadratic in
// a transition table of 100,000, and a plan made for 100,000 reads the whole table for one row.

import { SQLSTATES } from '@halflap/protocol';
import { integer, join, joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { anyDiffers, differs, sameKey } from './compared.js';
import { type Bind, bindWith, type Cluster, type Mapping, type Touch } from './mapping.js';
import { floorTable, type Places, stateTable, work } from './places.js';
import {
  applyDeletes,
  applyInserts,
  applyUpdates,
  type Change,
  deleteGone,
  lockSlices,
  type Slices,
  slicesOf,
  type Target,
  unionSlices,
  upsert,
} from './recompute.js';
import { dynamic, raise, routine } from './routine.js';
import { stableBigint } from './statement.js';

/** How long the old side waits for a new row before it looks whether the holder waits for us. */
const PATIENCE_MS = 20;
/** Up to so many rows a statement counts as small. */
const FEW_ROWS = 50;
/** A statement that announces more slices than this announces the whole cluster instead. */
const ANNOUNCED_SLICES = 64;

export type Event = 'insert' | 'update' | 'delete';
export const EVENTS: readonly Event[] = ['insert', 'update', 'delete'];

/** All that sync of one cluster needs in one stage. */
export interface SyncPlan {
  readonly places: Places;
  readonly cluster: Cluster;
  readonly key: readonly { readonly name: string; readonly type: string }[];
  readonly bind: Bind;
  readonly forward: readonly Target[];
  readonly backward: readonly Target[];
}

const SMALL_PLANS = sql`set enable_seqscan = off`;
const ROWS = { old: sql`h_old`, new: sql`h_new` };

/** Recomputes one slice, waiting with patience; a row that cannot be carried goes to quarantine. */
export function carryFunction(plan: SyncPlan): Sql {
  const slices = sql`select ${plan.key.map((one) => sql`${name(`k_${one.name}`)} as ${name(one.name)}`)}`;
  const recompute = plan.forward.flatMap((target) => {
    const renamed = renameSlices(plan, slices, target.mapping);
    return [deleteGone(target, plan.bind, renamed), upsert(target, plan.bind, renamed)];
  });
  return routine(plan.places, {
    at: work(plan.places, 'carry', plan.cluster.id),
    parameters: joined(plan.key.map((one) => sql`${name(`k_${one.name}`)} ${trusted(one.type)}`)),
    returns: 'void',
    about: `carries one row of ${plan.cluster.id} over to the new layout`,
    declare: [sql`failure_state text`, sql`failure_message text`],
    settings: [SMALL_PLANS],
    body: [
      sql`loop
    begin
      ${trusted(recompute.map((one) => `${one.text};`).join('\n      '))}
      ${forgetQuarantine(plan)}
      ${forgetPending(plan, slices)}
      return;
    exception
      when lock_not_available or deadlock_detected then
        if ${work(plan.places, 'is_announced', plan.cluster.id)}(${sliceHash(plan, 'k_')}) then
          insert into ${pendingTable(plan)} (${plan.key.map((one) => name(one.name))})
          values (${plan.key.map((one) => name(`k_${one.name}`))}) on conflict do nothing;
          return;
        end if;
      when others then
        get stacked diagnostics failure_state = returned_sqlstate, failure_message = message_text;
        insert into ${stateTable('quarantine')} (evolution, relation, key, sqlstate, reason)
        values (${literal(plan.places.evolution)}, ${literal(plan.cluster.id)}, ${quarantineKey(plan, 'k_')}, failure_state, failure_message)
        on conflict (evolution, relation, key) do update
        set sqlstate = excluded.sqlstate, reason = excluded.reason, noticed_at = clock_timestamp();
        return;
    end;
  end loop;`,
    ],
  });
}

/** The trigger function on an old table for one event. */
export function forwardFunction(plan: SyncPlan, event: Event): Sql {
  const touches = plan.forward.map((target) => ({
    target,
    touch: target.mapping.touches[0] as Touch,
  }));
  const source = touches[0]?.touch as Touch;
  const slices = touchedSlices(event, source, plan);
  const flags = touches.map(({ touch }, index) => ({ flag: name(`touched_${index}`), touch }));
  const work_ = (form: (one: Sql) => Sql) =>
    touches.map(({ target }, index) => {
      const own = renameSlices(plan, slices, target.mapping);
      const statements = [
        ...(event === 'insert' ? [] : [deleteGone(target, plan.bind, own)]),
        ...(event === 'delete' ? [] : [upsert(target, plan.bind, own)]),
      ].map(form);
      return sql`if ${flags[index]?.flag ?? sql`true`} then ${joined(statements, ' ')} end if;`;
    });
  return routine(plan.places, {
    at: forwardName(plan, event),
    returns: 'trigger',
    about: `${event} on ${plan.cluster.id} by the old release`,
    declare: [
      sql`echo text := current_setting('halflap.echo', true)`,
      sql`patience text := current_setting('lock_timeout')`,
      sql`is_small boolean := (select count(*) from (select from ${event === 'delete' ? ROWS.old : ROWS.new} limit ${integer(FEW_ROWS + 1)}) as r) <= ${integer(FEW_ROWS)}`,
      sql`slice record`,
      ...flags.map(({ flag }) => sql`${flag} boolean := true`),
    ],
    settings: [SMALL_PLANS],
    body: [
      sql`if echo = ${literal(plan.cluster.id)} then return null; end if;`,
      sql`perform nextval(${regclass(oldWrites(plan.places))});`,
      sql`perform set_config('halflap.echo', ${literal(plan.cluster.id)}, true), set_config('lock_timeout', '${integer(PATIENCE_MS)}ms', true);`,
      sql`begin
    if is_small then
      ${event === 'update' ? watchFlags(plan, flags) : sql``}
      ${joined(work_(asStatic), '\n      ')}
    else
      perform set_config('enable_seqscan', 'on', true);
      ${joined(work_(dynamic), '\n      ')}
    end if;
    ${forgetQuarantined(plan, slices)}
  exception when others then
    for slice in ${slices} loop
      perform ${work(plan.places, 'carry', plan.cluster.id)}(${plan.key.map((one) => sql`slice.${name(one.name)}`)});
    end loop;
  end;`,
      sql`perform set_config('halflap.echo', coalesce(echo, ''), true), set_config('lock_timeout', patience, true);`,
      sql`return null;`,
    ],
  });
}

/** Sets each flag to whether the statement changed a column that the mapping watches, or a key. */
function watchFlags(plan: SyncPlan, flags: readonly { flag: Sql; touch: Touch }[]): Sql {
  const key = plan.key.map((one) => one.name);
  const types = plan.backward[0]?.types ?? new Map();
  const list = flags.map(
    ({ touch }) =>
      sql`count(o.*) < count(*) or coalesce(bool_or(${anyDiffers('n', 'o', touch.watches, types)}), false)`,
  );
  return sql`select ${list} into ${flags.map((one) => one.flag)}
      from ${ROWS.new} as n left join ${ROWS.old} as o on ${sameKey('o', key, 'n')};`;
}

/** The trigger function on a new table for one event (dual only). */
export function backwardFunction(plan: SyncPlan, source: Target, event: Event): Sql {
  const relation = source.mapping.target;
  const touch = touchOf(plan.backward[0]?.mapping as Mapping, source.mapping);
  const slices = touchedSlices(event, touch, plan);
  const change: Change = {
    before: bindWith(relation, event === 'insert' ? noneOf(ROWS.new) : ROWS.old, plan.bind),
    after: bindWith(relation, event === 'delete' ? noneOf(ROWS.old) : ROWS.new, plan.bind),
    slices,
  };
  return routine(plan.places, {
    at: backwardName(plan, relation.name, event),
    returns: 'trigger',
    about: `${event} on ${relation.name} by the new release`,
    declare: [
      sql`echo text := current_setting('halflap.echo', true)`,
      sql`is_small boolean := (select count(*) from (select from ${event === 'delete' ? ROWS.old : ROWS.new} limit ${integer(FEW_ROWS + 1)}) as r) <= ${integer(FEW_ROWS)}`,
      sql`refused record`,
    ],
    settings: [SMALL_PLANS],
    body: [
      sql`if echo = ${literal(plan.cluster.id)} then return null; end if;`,
      sql`perform set_config('halflap.echo', ${literal(plan.cluster.id)}, true);`,
      announce(plan, slices),
      sql`${lockSlices(plan.backward[0] as Target, plan.bind, slices)};`,
      sql`if is_small then
    ${joined(backwardWork(plan, source, event, change, asStatic), '\n    ')}
  else
    perform set_config('enable_seqscan', 'on', true);
    ${joined(backwardWork(plan, source, event, change, dynamic), '\n    ')}
  end if;`,
      sql`perform set_config('halflap.echo', coalesce(echo, ''), true);`,
      sql`return null;`,
    ],
  });
}

function backwardWork(
  plan: SyncPlan,
  source: Target,
  event: Event,
  change: Change,
  form: (one: Sql) => Sql,
): Sql[] {
  const applied = plan.backward.flatMap((target) => {
    const touch = touchOf(target.mapping, source.mapping);
    const own = { ...change, slices: renameSlices(plan, change.slices, target.mapping) };
    return carryOver(target, plan, own, touch.drives, event).map(form);
  });
  const merged = plan.forward.flatMap((target) => {
    const own = renameSlices(plan, change.slices, target.mapping);
    return [deleteGone(target, plan.bind, own), upsert(target, plan.bind, own)].map(form);
  });
  return [
    ...applied,
    roundTrip(plan, source, event),
    ...merged,
    forgetPendingOf(plan, change.slices),
  ];
}

function carryOver(
  target: Target,
  plan: SyncPlan,
  change: Change,
  drives: boolean,
  event: Event,
): Sql[] {
  const updates = applyUpdates(target, plan.bind, change);
  const isUpdating = !drives || event === 'update';
  return [
    ...(drives && event !== 'insert' ? [applyDeletes(target, plan.bind, change)] : []),
    ...(drives && event === 'insert' && target.mapping.columns.length === 0
      ? [applyDeletes(target, plan.bind, change)]
      : []),
    ...(updates !== null && isUpdating ? [updates] : []),
    ...(drives ? [applyInserts(target, plan.bind, change)] : []),
  ];
}

/**
 * Refuses what the old layout has not kept: a written row that does not come back, or a column that
 * comes back with another value than was written.
 */
function roundTrip(plan: SyncPlan, source: Target, event: Event): Sql {
  const { mapping, types } = source;
  const back = sql`(${mapping.query(plan.bind)})`;
  const key = sameKey('f', mapping.slice, event === 'delete' ? 'o' : 'n');
  const keyText = (alias: string) =>
    sql`row(${mapping.slice.map((column) => name(alias, column))})::text`;
  const find =
    event === 'delete'
      ? sql`select ${keyText('o')} as key from ${ROWS.old} as o where exists (select from ${back} as f where ${key}) and not exists (select from ${plan.bind(mapping.target)} as n where ${sameKey('n', mapping.slice, 'o')})`
      : sql`select ${keyText('n')} as key from ${ROWS.new} as n ${event === 'update' ? sql`left join ${ROWS.old} as o on ${sameKey('o', mapping.slice, 'n')} ` : sql``}left join lateral (select * from ${back} as f where ${key}) as f on true where f.${name(mapping.slice[0] ?? '')} is null or ${changedColumns(mapping, types, event)}`;
  const message = sql`format('release %s of this shard cannot hold this row of %s: key %s', ${literal(plan.places.from)}, ${literal(mapping.target.name)}, refused.key)`;
  return sql`for refused in ${find} limit 1 loop
      ${raise('HL001', message, {
        detail: literal(SQLSTATES.HL001),
        hint: literal(
          `Both releases are in service on this shard. Write what release ${plan.places.from} can hold, or wait until the shard is contracted.`,
        ),
      })}
    end loop;`;
}

function changedColumns(mapping: Mapping, types: ReadonlyMap<string, string>, event: Event): Sql {
  const list = mapping.columns.map((column) => {
    const type = types.get(column);
    const isLost = differs(name('f', column), name('n', column), type);
    return event === 'insert'
      ? sql`(${isLost})`
      : sql`(${isLost} and ${differs(name('o', column), name('n', column), type)})`;
  });
  return list.length === 0 ? sql`false` : joined(list, ' or ');
}

/** Tells writers of the old release that whoever holds these new rows is waiting for old ones. */
function announce(plan: SyncPlan, slices: Slices): Sql {
  return sql`if is_small or (select count(*) from (select from (${slices}) as r limit ${integer(ANNOUNCED_SLICES + 1)}) as r) <= ${integer(ANNOUNCED_SLICES)} then
    perform pg_advisory_xact_lock_shared(${sliceHash(plan, 's.')}) from (${slices}) as s;
  else
    perform pg_advisory_xact_lock_shared(${clusterHash(plan)});
  end if;`;
}

/** Whether another session has announced the slice (or all of them). */
export function announcedFunction(plan: SyncPlan): Sql {
  return routine(plan.places, {
    at: work(plan.places, 'is_announced', plan.cluster.id),
    parameters: sql`slice bigint`,
    returns: 'boolean',
    about: `whether a writer of the new release waits for this row of ${plan.cluster.id}`,
    body: [
      sql`return exists (
    select from pg_locks as l
    where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
      and l.pid <> pg_backend_pid()
      and l.database = (select d.oid from pg_database as d where d.datname = current_database())
      and (l.classid::bigint << 32) | l.objid::bigint in (slice, ${clusterHash(plan)})
  );`,
    ],
  });
}

/** Carries slices that were left to a writer which then failed; returns how many are left. */
export function drainFunction(plan: SyncPlan): Sql {
  const echo = sql`set_config('halflap.echo', ${literal(plan.cluster.id)}, true)`;
  return routine(plan.places, {
    at: work(plan.places, 'drain', plan.cluster.id),
    returns: 'bigint',
    about: `finishes rows of ${plan.cluster.id} that contention left behind`,
    declare: [sql`slice record`],
    body: [
      sql`perform ${echo}, set_config('lock_timeout', '${integer(PATIENCE_MS)}ms', true);`,
      sql`for slice in select * from ${pendingTable(plan)} limit 1000 loop
    perform 1 from ${plan.bind(plan.backward[0]?.mapping.target ?? missing())} as s
    where ${joined(
      plan.key.map((one) => sql`${name('s', one.name)} = slice.${name(one.name)}`),
      ' and ',
    )} for no key update;
    perform ${work(plan.places, 'carry', plan.cluster.id)}(${plan.key.map((one) => sql`slice.${name(one.name)}`)});
  end loop;`,
      sql`perform set_config('halflap.echo', '', true);`,
      sql`return (select count(*) from ${pendingTable(plan)});`,
    ],
  });
}

export function pendingTable(plan: SyncPlan): Sql {
  return work(plan.places, 'pending', plan.cluster.id);
}

export function oldWrites(places: Places): Sql {
  return work(places, 'old_writes');
}

export function forwardName(plan: SyncPlan, event: Event | 'truncate' | 'key'): Sql {
  return work(plan.places, 'forward', plan.cluster.id, event);
}

export function backwardName(
  plan: SyncPlan,
  table: string,
  event: Event | 'truncate' | 'key',
): Sql {
  return work(plan.places, 'backward', table, event);
}

/** The sources' slices of a statement, named as the key of the cluster. */
function touchedSlices(event: Event, touch: Touch, plan: SyncPlan): Slices {
  const key = plan.key.map((one) => one.name);
  const rows =
    event === 'insert' ? [ROWS.new] : event === 'delete' ? [ROWS.old] : [ROWS.new, ROWS.old];
  return unionSlices(rows.map((one) => slicesOf(one, touch.slice, key)));
}

function renameSlices(plan: SyncPlan, slices: Slices, mapping: Mapping): Slices {
  return slicesOf(
    sql`(${slices})`,
    plan.key.map((one) => one.name),
    mapping.slice,
  );
}

function touchOf(mapping: Mapping, source: Mapping): Touch {
  const found = mapping.touches.find((touch) => touch.source.name === source.target.name);
  // A relation that does not touch the target still gives its slices; it drives nothing.
  return found ?? { source: source.target, slice: source.slice, watches: [], drives: false };
}

function sliceHash(plan: SyncPlan, prefix: 'k_' | 's.'): Sql {
  const columns = plan.key.map((one) =>
    prefix === 'k_' ? name(`k_${one.name}`) : name('s', one.name),
  );
  return sql`hashtextextended(row(${columns})::text, ${clusterHash(plan)})`;
}

function clusterHash(plan: SyncPlan): Sql {
  return sql`${literal(stableBigint(`${plan.places.workSchema}.${plan.cluster.id}`))}::bigint`;
}

export function quarantineKey(plan: SyncPlan, prefix: string): Sql {
  return sql`jsonb_build_object(${plan.key.map((one) => sql`${literal(one.name)}, ${name(`${prefix}${one.name}`)}`)})`;
}

function forgetQuarantine(plan: SyncPlan): Sql {
  return sql`if exists (select from ${stateTable('quarantine')}) then
        delete from ${stateTable('quarantine')} as q
        where q.evolution = ${literal(plan.places.evolution)} and q.relation = ${literal(plan.cluster.id)} and q.key = ${quarantineKey(plan, 'k_')};
      end if;`;
}

/** A row that can be carried again needs nobody's attention any more. */
function forgetQuarantined(plan: SyncPlan, slices: Slices): Sql {
  const mine = sql`q.evolution = ${literal(plan.places.evolution)} and q.relation = ${literal(plan.cluster.id)}`;
  return sql`if exists (select from ${stateTable('quarantine')} as q where ${mine}) then
      for slice in ${slices} loop
        delete from ${stateTable('quarantine')} as q
        where ${mine} and q.key = jsonb_build_object(${plan.key.map((one) => sql`${literal(one.name)}, slice.${name(one.name)}`)});
      end loop;
    end if;`;
}

function forgetPending(plan: SyncPlan, slices: Slices): Sql {
  return sql`delete from ${pendingTable(plan)} as p where ${keyOf(plan, 'p')} in (${slices});`;
}

function forgetPendingOf(plan: SyncPlan, slices: Slices): Sql {
  return sql`if exists (select from ${pendingTable(plan)}) then ${forgetPending(plan, slices)} end if;`;
}

function keyOf(plan: SyncPlan, alias: string): Sql {
  const list = plan.key.map((one) => name(alias, one.name));
  return list.length === 1 ? (list[0] as Sql) : sql`(${list})`;
}

function noneOf(rows: Sql): Sql {
  return sql`(select * from ${rows} where false)`;
}

function asStatic(statement: Sql): Sql {
  return sql`${statement};`;
}

function regclass(relation: Sql): Sql {
  return sql`${literal(join([relation]))}::regclass`;
}

function missing(): never {
  throw new Error('a cluster has no backward mapping');
}

/** Name of the old table that the cluster's forward triggers stand on. */
export function sourceTable(plan: SyncPlan): Sql {
  return floorTable(plan.cluster.id);
}
