// Sync where slices hold many rows (slices.ts): what stands in the place of the statements for one
// row in sync-forward.ts and sync-backward.ts. The order of locks, and who gives way, is theirs.

import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { anyDiffers, qualified, rowOf, sameKey, typesOf } from './compared.js';
import { type Bind, bindWith, type OldTable } from './mapping.js';
import { asOldSays } from './old-says.js';
import { deleteGone, type Slices, type Target, updateMany, upsert } from './recompute.js';
import { dynamic } from './routine.js';
import { applyDifferences, deleteAllGone } from './slices.js';
import {
  areMoved,
  isServed,
  lockPolitely,
  ONE_ROW_PLANS,
  POLITE_VARIABLES,
} from './sync-backward.js';
import { isReadable } from './sync-carry.js';
import {
  asStatic,
  backwardName,
  countTo,
  countToTwo,
  type Event,
  hasSlice,
  oldWrites,
  ROWS,
  renameSlices,
  type SyncPlan,
  syncRoutine,
  touchedSlices,
  touchOf,
  untilQuiet,
} from './sync-plan.js';
import { isUpToDate, refuse, roundTrip } from './sync-round-trip.js';

/** Fewer cost less than a plan for them. */
const MANY_ROWS = 50;

export function isSliced({ cluster }: SyncPlan): boolean {
  return cluster.forward.some((one) => one.perSlice === 'many rows');
}

/**
 * What a statement on an old table changes of the new ones; rows that refer go before. An update is
 * mostly of one row, and touches what watches a column that it changed.
 */
export function carrySlices(
  plan: SyncPlan,
  source: OldTable,
  { event, slices }: { readonly event: Event; readonly slices: Slices },
): { readonly declare: readonly Sql[]; readonly body: readonly Sql[] } {
  const touched = plan.forward.filter(({ mapping }) => touchOf(mapping, source.relation) !== null);
  const own = ({ mapping }: Target) => renameSlices(plan, slices, mapping);
  const statements = [
    ...[...touched].reverse().map((one) => [one, deleteGone(one, plan.bind, own(one))] as const),
    ...touched.map((one) => [one, upsert(one, plan.bind, own(one))] as const),
  ];
  const many = statements.map(([, statement]) => dynamic(statement));
  const rows = sql`touched_rows := ${countTo(event, MANY_ROWS)};`;
  if (event !== 'update') {
    const some = statements.map(([, statement]) => asStatic(statement));
    return { declare: [sql`touched_rows bigint`], body: [rows, byNumber(some, many)] };
  }
  const flag = (one: Target) => name(`touched_${touched.indexOf(one)}`);
  const flags = touched.map(flag);
  const some = statements.map(
    ([one, statement]) => sql`if ${flag(one)} then ${statement}; end if;`,
  );
  return {
    declare: [sql`touched_rows bigint`, ...flags.map((one) => sql`${one} boolean`)],
    body: [
      rows,
      sql`if touched_rows = 1 then
        select ${isTouched(touched, source)} into ${flags} from ${ROWS.new} as n, ${ROWS.old} as o;
      elsif touched_rows > 1 then
        ${joined(
          flags.map((one) => sql`${one} := true;`),
          ' ',
        )}
      end if;`,
      byNumber(some, many),
    ],
  };
}

/** For each target, whether a column that it watches differs between n and o. */
function isTouched(touched: readonly Target[], { relation, key, table }: OldTable): Sql[] {
  const types = typesOf(table);
  return touched.map(({ mapping }) => {
    const watches = touchOf(mapping, relation)?.watches ?? [];
    return sql`(${anyDiffers('n', 'o', [...new Set([...key, ...watches])], types)})`;
  });
}

/**
 * Rows that are found by an index, one after the other, are as good for some; what the query yields
 * for the slices has none, and is compared with itself for each row. So many rows are planned each
 * time, as joins by hashes, which still do not read a whole table.
 */
function byNumber(some: readonly Sql[], many: readonly Sql[]): Sql {
  const hashes = (isOn: Sql) => sql`perform set_config('enable_hashjoin', ${isOn}, true);`;
  return sql`if touched_rows < ${trusted(String(MANY_ROWS))} then
        ${joined(some, '\n        ')}
      else
        ${hashes(sql`'on'`)}
        ${joined(many, '\n        ')}
        ${hashes(sql`'off'`)}
      end if;`;
}

/** What is left of the new tables when an old one has lost all its rows. */
export function withoutTable(plan: SyncPlan, { relation }: OldTable): Sql[] {
  const touched = plan.forward.filter(({ mapping }) => touchOf(mapping, relation) !== null);
  return [
    ...[...touched].reverse().map((one) => deleteAllGone(one, plan.bind)),
    ...touched.flatMap((one) => updateMany(one, plan.bind, null) ?? []),
  ].map(asStatic);
}

interface Written {
  readonly event: Event;
  /** What of the cluster is left when rows go, and others with them; else null. */
  readonly left: Bind | null;
  /** Whether an old row is moved along with the key of a row. */
  readonly movesOld: boolean;
}

/** The trigger function on a new table for one event. */
export function backwardSlicesFunction(
  plan: SyncPlan,
  source: Target,
  { event, left, movesOld }: Written,
): Sql {
  const slices = touchedSlices(event, source.mapping, plan);
  const targets = plan.backward.filter(
    ({ mapping }) => touchOf(mapping, source.mapping.target) !== null,
  );
  const after = event === 'delete' && left !== null ? left : plan.bind;
  const changesFrom = (before: Bind) =>
    applyDifferences(targets, plan.bind, {
      before,
      after,
      slices: (mapping) => renameSlices(plan, slices, mapping),
      isFresh: event === 'insert',
      mayBeMade: plan.forward.length > 1,
    });
  const rows = rowsBefore(plan, source, { event, slices });
  const unsliced = event === 'delete' ? [] : [refuseUnsliced(plan, source)];
  const check = joined([...unsliced, roundTrip(plan, after, slices)], '\n    ');
  return syncRoutine(plan, {
    at: backwardName(plan, source.mapping.target.name, event),
    about: `${event} on ${source.mapping.target.name} by the new release`,
    declare: [
      sql`touched_rows bigint`,
      sql`refused record`,
      sql`applied int`,
      sql`is_told boolean := false`,
      ...POLITE_VARIABLES,
    ],
    settings: ONE_ROW_PLANS,
    body: [
      PATIENT_AGAIN,
      ...untilQuiet(plan, [
        sql`touched_rows := ${countToTwo(event)};`,
        ...(targets.length === 0 ? [] : [lockPolitely(plan, targets, slices), isServed(plan)]),
        isUpToDate(plan, slices),
        ...(movesOld && event === 'update'
          ? [
              sql`if touched_rows = 1 then
    ${areMoved(plan, source.mapping, slices)} into is_told;
  end if;`,
            ]
          : []),
        carryDifferences({
          told: changesFrom(asOldSays(plan)),
          kept: changesFrom(bindWith(source.mapping.target, rows, plan.bind)),
          isReadable: isReadable(plan, slices),
        }),
        sql`if touched_rows > 0 then
    ${check}
  end if;`,
      ]),
    ],
  });
}

interface Differences {
  /** To what the old tables say was there. */
  readonly told: Sql;
  /** To what the statement's rows say was there: that of one row costs less, and has not moved. */
  readonly kept: Sql;
  /** Whether the old tables can be asked. */
  readonly isReadable: Sql;
}

/**
 * The rows of a statement have no index: to look in them for those of each slice costs the square
 * of their number. Old rows have one.
 */
function carryDifferences({ told, kept, isReadable }: Differences): Sql {
  return sql`if touched_rows > 1 then
    perform set_config('enable_seqscan', 'on', true);
    execute ${literal(sql`select ${isReadable}`.text)} into is_told;
  end if;
  if is_told then
    ${dynamic(told)}
  elsif touched_rows > 1 then
    ${dynamic(kept)}
  elsif touched_rows = 1 then
    ${kept} into applied;
  end if;
  if touched_rows > 1 then
    perform set_config('enable_seqscan', 'off', true);
  end if;`;
}

/**
 * A transaction of the new release that holds old rows must not come to wait for a new row while
 * somebody of the old release waits for it: of the two, PostgreSQL would end whoever has looked for
 * a circle last, and that is the old one. So it looks before each further statement, and does not
 * wait for as long as a detector does, which looks but once, while there is one who may come.
 */
export function yieldFunction(plan: SyncPlan, table: string): Sql {
  const message =
    `could not serialize access to ${table} due to concurrent update ` +
    `by release ${plan.places.from}`;
  const writes = literal(oldWrites(plan.places).text);
  return syncRoutine(plan, {
    at: backwardName(plan, table, 'yield'),
    about: `gives way to release ${plan.places.from} before a statement on ${table}`,
    declare: [sql`is_waited_for boolean`, sql`may_be boolean`, sql`patience int`, sql`shorter int`],
    body: [
      sql`if pg_current_xact_id_if_assigned() is not null then
    with l as materialized (select * from pg_locks),
    old as (
      select l.pid from l
      where l.relation = ${writes}::regclass and l.granted and l.pid <> pg_backend_pid()
    )
    select exists (select from old), exists (
      select from l as mine
      join l as waits on waits.transactionid = mine.transactionid and not waits.granted
      where mine.pid = pg_backend_pid() and mine.granted and exists (
        select from old join l as late on late.pid = old.pid and not late.granted
        where late.transactionid = mine.transactionid or late.locktype = 'tuple'
      )
    ) into may_be, is_waited_for;
    if is_waited_for then
      raise serialization_failure using
        message = ${literal(message)}, hint = 'Run the transaction again.';
    end if;
    patience := ${milliseconds('lock_timeout')};
    shorter := greatest(${milliseconds('deadlock_timeout')} / 5 * 4, 1);
    if may_be and (patience = 0 or patience > shorter) then
      perform set_config(${PATIENCE}, patience::text, true),
        set_config('lock_timeout', shorter::text, true);
    end if;
  end if;`,
    ],
  });
}

/** What a transaction's lock_timeout was before the statement under way. */
const PATIENCE = literal('halflap.patience');

function milliseconds(setting: string): Sql {
  return sql`(extract(epoch from current_setting(${literal(setting)})::interval) * 1000)::int`;
}

/** What yieldFunction has set for the statement ends with it. */
const PATIENT_AGAIN = sql`if coalesce(current_setting(${PATIENCE}, true), '') <> '' then
    perform set_config('lock_timeout', current_setting(${PATIENCE}), true),
      set_config(${PATIENCE}, '', true);
  end if;`;

/**
 * The written table as it was before the statement, as far as it is of the slices: where a query
 * does not find its rows by those, but through a map, it would read all that are put together here.
 */
function rowsBefore(
  plan: SyncPlan,
  { mapping, types }: Target,
  { event, slices }: { readonly event: Event; readonly slices: Slices },
): Sql {
  const columns = [...types.keys()];
  const at = plan.bind(mapping.target);
  const others =
    event === 'delete'
      ? sql``
      : sql` and not exists (
        select from ${ROWS.new} as x where ${sameKey('x', mapping.key, 'n')}
      )`;
  const own = renameSlices(plan, slices, mapping);
  const now = sql`select ${qualified('n', columns)} from ${at} as n
      where ${rowOf('n', mapping.slice)} in (${own})${others}`;
  if (event === 'insert') return sql`(${now})`;
  return sql`(${now} union all select ${qualified('o', columns)} from ${ROWS.old} as o)`;
}

/** A row of which the other release cannot tell where it belongs. */
function refuseUnsliced(plan: SyncPlan, { mapping }: Target): Sql {
  const key = sql`row(${qualified('n', mapping.key)})::text`;
  return sql`for refused in
      select ${key} as key from ${ROWS.new} as n
      where not (${hasSlice(plan, 'n', mapping)}) limit 1
    loop
      ${refuse(plan, sql`${literal(mapping.target.name)}`)}
    end loop;`;
}

/** Row by row, while nothing is synced yet: what is kept of rows that an old write took away. */
export function tendSlices(plan: SyncPlan, kept: readonly Target[], slices: Slices | null): Sql[] {
  return kept.map((target) => {
    const gone =
      slices === null
        ? deleteAllGone(target, plan.bind)
        : deleteGone(target, plan.bind, renameSlices(plan, slices, target.mapping));
    // Mostly nothing is kept, and every write of the release in the field comes by here.
    return sql`if exists (select from ${plan.bind(target.mapping.target)}) then
    ${gone};
  end if;`;
  });
}
