// Backward sync (dual only): what the new release writes is carried back to the old table.
//
// The old row is locked first, giving way to a writer of the old release that claims it (lock
// order: see sync-forward.ts). Then only what the statement changed is carried (recompute.ts), so
// that columns of the old row which other new tables feed are left alone. Then the row must come
// back as it was written, or the statement is refused.

import { SQLSTATES } from '@halflap/protocol';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import { differs, rowOf, sameKey } from './compared.js';
import { bindWith, type Mapping, type Touch } from './mapping.js';
import { asOldSays } from './old-says.js';
import {
  applyDeletes,
  applyInserts,
  applyUpdates,
  applyUpserts,
  type Change,
  lockSlices,
  type Slices,
  type Target,
  updateMany,
} from './recompute.js';
import { dynamic, raise } from './routine.js';
import { isReadable } from './sync-carry.js';
import {
  asStatic,
  backwardName,
  clusterClaim,
  countToTwo,
  type Event,
  isOfValues,
  keyNames,
  ROWS,
  renameSlices,
  type SyncPlan,
  sliceClaim,
  spillsOf,
  syncRoutine,
  touchedSlices,
  touchOf,
  untilQuiet,
} from './sync-plan.js';
import { takesTurns } from './sync-turns.js';

/**
 * The plans for one row never read a whole table, whatever the statistics say. Many rows are
 * planned afresh each time: before and after are joined, which have no index, and then a table,
 * which has.
 */
export const ONE_ROW_PLANS = [sql`set enable_seqscan = off`];

/** Of a function that locks politely. */
export const POLITE_VARIABLES = [
  sql`patience text`,
  sql`waiting_since timestamptz`,
  sql`is_long boolean`,
];

/** After so long, a wait ends when somebody waits for us: nobody else would break that circle. */
const SHORT_WAIT = '50 ms';

/** One written relation of the new layout, and what happened to it. */
interface Written {
  readonly plan: SyncPlan;
  readonly source: Target;
  readonly event: Event;
  /** Whether an old row is moved along with the key of a row. */
  readonly movesOld: boolean;
}

/** The trigger function on a new table for one event. */
export function backwardFunction(
  plan: SyncPlan,
  source: Target,
  { event, movesOld }: Pick<Written, 'event' | 'movesOld'>,
): Sql {
  const written: Written = { plan, source, event, movesOld };
  const slices = touchedSlices(event, source.mapping, plan);
  const find = notKept(written);
  const work = (form: (one: Sql) => Sql, carried: readonly Sql[], found: Sql) =>
    joined([...carried, refuse(written, found), ...follow(written, slices, form)], '\n    ');
  const locked = lockedTargets(written);
  const locks = locked.length === 0 ? [] : [lockPolitely(plan, locked, slices)];
  return syncRoutine(plan, {
    at: backwardName(plan, source.mapping.target.name, event),
    about: `${event} on ${source.mapping.target.name} by the new release`,
    declare: [
      sql`touched_rows bigint`,
      sql`refused record`,
      ...(isMoving(written) ? [sql`are_moved boolean`] : []),
      ...POLITE_VARIABLES,
    ],
    settings: ONE_ROW_PLANS,
    body: untilQuiet(plan, [
      sql`touched_rows := ${countToTwo(event)};`,
      ...locks,
      ...(locks.length === 0 ? [] : [isServed(plan)]),
      sql`if touched_rows = 1 then
    ${work(asStatic, carryBack(written, slices, asStatic), sql`${find} limit 1`)}
  elsif touched_rows > 1 then
    perform set_config('enable_seqscan', 'on', true);
    ${work(dynamic, carryMany(written, slices), amongMany(find))}
  end if;`,
    ]),
  });
}

/**
 * Old rows that the statement may change. One that a new row brings about is made here; its key's
 * unique index stands in for the lock.
 */
function lockedTargets({ plan, source, event }: Written): Target[] {
  return plan.backward.filter(({ mapping }) => {
    const touch = touchOf(mapping, source.mapping.target);
    const isMade = event === 'insert' && touch?.drives === true;
    return mapping.target.side === 'old' && touch !== null && !isMade;
  });
}

/**
 * Polls for the old rows and never queues for them: a session that waits in the queue of a row
 * stands in the way of writers of the old release behind it, and their deadlock detectors would see
 * it. What no detector sees has to end by itself: we give way to a claim of our slices, and after a
 * while to whoever waits for this transaction, which may hold old rows already.
 *
 * Several tables are looked at in one snapshot: a row that moves from one to the other is in one of
 * them then, and was missed in both by who looked first here and then there.
 */
export function lockPolitely(plan: SyncPlan, targets: readonly Target[], slices: Slices): Sql {
  const locked = targets.map((target) => {
    const rows = lockSlices(target, plan.bind, slices, strengthFor(plan, target));
    return sql`(select count(*) from (${rows} skip locked) as r)`;
  });
  const there = targets.map(({ mapping }) => {
    const isOfSlice = sql`${rowOf('t', mapping.slice)} in (${slices})`;
    return sql`(select count(*) from ${plan.bind(mapping.target)} as t where ${isOfSlice})`;
  });
  const claim = sliceClaim(
    plan,
    keyNames(plan).map((one) => name('s', one)),
  );
  const message =
    `could not serialize access to ${plan.cluster.id} ` +
    `due to concurrent update by release ${plan.places.from}`;
  return sql`while ${joined(locked, '\n      + ')}
      < ${joined(there, '\n      + ')} loop
    waiting_since := coalesce(waiting_since, clock_timestamp());
    is_long := clock_timestamp() > waiting_since + ${literal(SHORT_WAIT)}::interval;
    if exists (
      select from pg_locks as l
      where l.locktype = 'advisory' and l.objsubid = 1 and l.granted
        and l.pid <> pg_backend_pid()
        and l.database = (select d.oid from pg_database as d where d.datname = current_database())
        and ((l.classid::bigint << 32) | l.objid::bigint = ${clusterClaim(plan)}
          or (l.classid::bigint << 32) | l.objid::bigint in (select ${claim} from (${slices}) as s))
    ) or is_long and exists (
      select from pg_locks as l
      join pg_locks as mine on mine.transactionid = l.transactionid
      where l.locktype = 'transactionid' and not l.granted
        and mine.granted and mine.pid = pg_backend_pid()
    ) then
      raise serialization_failure using
        message = ${literal(message)},
        hint = 'Run the transaction again.';
    end if;
    patience := current_setting('lock_timeout');
    if patience <> '0' and clock_timestamp() > waiting_since + patience::interval then
      raise lock_not_available using message = 'canceling statement due to lock timeout';
    end if;
    perform pg_sleep(case when is_long then 0.01 else 0.002 end);
  end loop;`;
}

/**
 * Where a slice has rows of several old tables, no row may join it that refers to the base while
 * it is computed and compared: it would be written over, or look like a row that was lost.
 */
function strengthFor({ cluster }: SyncPlan, { mapping }: Target): Sql {
  const isBase = cluster.olds.some((old) => old.isBase && old.relation === mapping.target);
  const isShared = mapping.perSlice === 'many rows' && cluster.takesTurns;
  return isShared && isBase ? sql`for update` : sql`for no key update`;
}

/**
 * Once an abort has fenced the new release, nothing of the old one is carried forward any more:
 * what was computed from a new row since may be computed from a stale one. With the old row in our
 * hands we look; a fence that comes later finds us before whoever writes that row next. A query
 * looks, since to_regnamespace() may answer from what the session knew when its transaction began.
 */
export function isServed({ places }: SyncPlan): Sql {
  const message = `could not serialize access due to the fence of release ${places.to}`;
  return sql`if exists (
    select from pg_namespace as n where n.nspname = ${literal(places.goneSchema)}
  ) then
    raise serialization_failure using
      message = ${literal(message)}, hint = 'Run the transaction again.';
  end if;`;
}

function isMoving({ event, movesOld }: Written): boolean {
  return event === 'update' && movesOld;
}

/**
 * Whether a statement has moved old rows, along with its own, which can be read as new ones. Then
 * these are compared as they stand: nothing pairs the rows of a statement, and one may have the key
 * that another one has left.
 */
export function areMoved(plan: SyncPlan, { slice }: Mapping, slices: Slices): Sql {
  const isThere = sql`select from ${ROWS.old} as o where ${sameKey('o', slice, 'n')}`;
  return sql`select exists (select from ${ROWS.new} as n where not exists (${isThere}))
      and ${isReadable(plan, slices)}`;
}

function carryMany(written: Written, slices: Slices): Sql[] {
  const { plan, source } = written;
  const { mapping } = source;
  const carried = carryBack(written, slices, dynamic);
  if (!isMoving(written)) return carried;
  const standing = carryBack(written, slices, dynamic, asOldSays(plan)(mapping.target));
  return [
    sql`execute ${literal(areMoved(plan, mapping, slices).text)} into are_moved;`,
    sql`if are_moved then
      ${joined(standing, '\n      ')}
    else
      ${joined(carried, '\n      ')}
    end if;`,
  ];
}

function carryBack(
  { plan, source, event }: Written,
  slices: Slices,
  form: (one: Sql) => Sql,
  before: Sql = event === 'insert' ? noneOf(ROWS.new) : ROWS.old,
): Sql[] {
  const relation = source.mapping.target;
  const after = event === 'delete' ? noneOf(ROWS.old) : ROWS.new;
  return inOrder(plan, event).flatMap((target) => {
    const touch = touchOf(target.mapping, relation);
    if (touch === null) return [];
    const change: Change = {
      before: bindWith(relation, before, plan.bind),
      after: bindWith(relation, after, plan.bind),
      slices: renameSlices(plan, slices, target.mapping),
      always: event === 'update' ? [] : touch.feeds,
    };
    return differencesOf(target, plan, change, { touch, event }).map(form);
  });
}

/**
 * Rows that refer to the base go before it. A value is kept before the old row changes, whose
 * trigger then finds that the same follows.
 */
function inOrder(plan: SyncPlan, event: Event): Target[] {
  const olds = plan.backward.filter(({ mapping }) => mapping.target.side === 'old');
  const spills = spillsOf(plan);
  return [
    ...spills.filter(isOfValues),
    ...(event === 'delete' ? olds.reverse() : olds),
    ...spills.filter((one) => !isOfValues(one)),
  ];
}

function differencesOf(
  target: Target,
  plan: SyncPlan,
  change: Change,
  { touch, event }: { readonly touch: Touch; readonly event: Event },
): Sql[] {
  const { drives, feeds } = touch;
  const updates = applyUpdates(target, plan.bind, change);
  // A row of spill stands for a row that is missing: it goes when one comes.
  const isSpill = target.mapping.target.side === 'spill';
  // A new key must be free; a key that an update gives has been moved there, with the whole row.
  const moved = isSpill ? null : asOldSays(plan);
  const inserts =
    event === 'insert' && !isSpill
      ? applyInserts(target, plan.bind, change)
      : applyUpserts(target, plan.bind, change, { columns: feeds, moved });
  return [
    ...(drives && (event !== 'insert' || isSpill) ? [applyDeletes(target, plan.bind, change)] : []),
    ...(updates !== null && (!drives || event === 'update') ? [updates] : []),
    ...(drives ? [inserts] : []),
  ];
}

/**
 * What the old layout has not kept: a written row that does not come back, or a column that comes
 * back with another value than was written.
 */
function notKept({ plan, source, event }: Written): Sql {
  return event === 'delete' ? stillThere(plan, source) : notAsWritten(plan, source, event);
}

/**
 * Mostly there is none, so all rows are looked at, and joined by hashes: for the first one that is
 * found, PostgreSQL would read the statement's rows again for each of them.
 */
function amongMany(find: Sql): Sql {
  return sql`execute $many$with r as materialized (${find}) select r.* from r limit 1$many$`;
}

function refuse({ plan, source }: Written, found: Sql): Sql {
  const { target } = source.mapping;
  const message = sql`format('release %s of this shard cannot hold this row of %s: key %s',
        ${literal(plan.places.from)}, ${literal(target.name)}, refused.key)`;
  return sql`for refused in ${found} loop
      ${raise('HL001', message, {
        detail: literal(SQLSTATES.HL001),
        hint: literal(
          'Both releases are in service on this shard. ' +
            `Write what release ${plan.places.from} can hold, ` +
            'or wait until the shard is contracted.',
        ),
      })}
    end loop;`;
}

/** What nobody has written follows from what was. */
function follow({ plan, source }: Written, slices: Slices, form: (one: Sql) => Sql): Sql[] {
  const { target: written } = source.mapping;
  // There, what does not come back is refused whoever has written it.
  if (takesTurns(plan)) return [];
  return plan.forward.flatMap((target) => {
    const { mapping } = target;
    const columns = (mapping.follows ?? []).flatMap((one) =>
      one.source.name === written.name ? [one.column] : [],
    );
    const own = { ...target, mapping: { ...mapping, columns } };
    const update = updateMany(own, plan.bind, renameSlices(plan, slices, mapping));
    return update === null ? [] : [form(update)];
  });
}

function stillThere(plan: SyncPlan, { mapping }: Target): Sql {
  const now = sameKey('n', mapping.slice, 'o');
  return sql`select ${keyText(mapping, 'o')} as key from ${ROWS.old} as o
      where exists (
        select from (${mapping.query(plan.bind)}) as f where ${sameKey('f', mapping.slice, 'o')}
      ) and not exists (select from ${plan.bind(mapping.target)} as n where ${now})`;
}

function notAsWritten(plan: SyncPlan, { mapping, types }: Target, event: Event): Sql {
  const before =
    event === 'update'
      ? sql`left join ${ROWS.old} as o on ${sameKey('o', mapping.slice, 'n')}`
      : sql``;
  const lost = mapping.columns.map((column) => {
    const type = types.get(column);
    const isLost = differs(name('f', column), name('n', column), type);
    // Of several old tables, one may lose its row, and with it values that nobody wrote.
    if (event === 'insert' || takesTurns(plan)) return sql`(${isLost})`;
    return sql`(${isLost} and ${differs(name('o', column), name('n', column), type)})`;
  });
  const isMissing = sql`${name('f', mapping.slice[0] ?? '')} is null`;
  return sql`select ${keyText(mapping, 'n')} as key from ${ROWS.new} as n ${before}
      left join lateral (
        select * from (${mapping.query(plan.bind)}) as f where ${sameKey('f', mapping.slice, 'n')}
      ) as f on true
      where ${joined([isMissing, ...lost], ' or ')}`;
}

function keyText(mapping: Mapping, alias: string): Sql {
  return sql`row(${mapping.slice.map((column) => name(alias, column))})::text`;
}

function noneOf(rows: Sql): Sql {
  return sql`(select * from ${rows} where false)`;
}
