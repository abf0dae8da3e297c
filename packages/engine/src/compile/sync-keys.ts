// Sync of what a recomputation cannot see: a key that changes (the row must move, not be deleted
// and made again, or its dependents would go with it) and TRUNCATE (which has no rows).

import { KEPT } from '../changes/kept.js';
import type { SplitPartPlan } from '../changes/split-table.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import { differs, sameKey } from './compared.js';
import type { Mapping, OldTable } from './mapping.js';
import { floorTable, stateTable } from './places.js';
import { type Target, updateMany } from './recompute.js';
import { raise, routine } from './routine.js';
import {
  backwardName,
  forwardName,
  keyNames,
  MARK_VARIABLES,
  marked,
  ownQuarantine,
  ROWS,
  type SyncPlan,
  spillsOf,
  syncRoutine,
  touchedSlices,
  touchOf,
  untilQuiet,
} from './sync-plan.js';
import { isSliced, tendSlices, withoutTable } from './sync-slices.js';

/** Row trigger on the old table that has a row for every key: moves the new rows along with it. */
export function forwardKeyFunction(plan: SyncPlan, { relation, key }: OldTable): Sql {
  // Rows that are found through a key map keep their keys: their entry follows the old row.
  const moves = [...plan.forward, ...spillsOf(plan)].flatMap(({ mapping }) =>
    mapping.via === null ? [move(plan, mapping, key)] : [],
  );
  return syncRoutine(plan, {
    at: forwardName(plan, relation.name, 'key'),
    about: `a key of ${relation.name} changes`,
    declare: [sql`moved int`],
    body: [
      // What cannot be moved is made again by the statement trigger that follows.
      sql`begin ${inOneStatement(moves)} exception when others then null; end;`,
    ],
  });
}

/**
 * Row trigger on a new table that has one row for every old one: moves the old row.
 * @param others new tables of which it is a row, too: it stays for theirs, and is not needed where
 * they have one already.
 */
export function backwardKeyFunction(
  plan: SyncPlan,
  base: Mapping,
  others: readonly Mapping[],
): Sql {
  const isKept = others.map(
    ({ target, slice }) => sql`
      and not exists (select from ${plan.bind(target)} as s
        where ${sameKey('s', slice, 'old', base.slice)})`,
  );
  const moves = plan.backward.map(({ mapping }) => {
    const moved = move(plan, mapping, base.slice);
    if (others.length === 0) return moved;
    return sql`${moved}${joined(isKept, '')}
      and not exists (select from ${plan.bind(mapping.target)} as f
        where ${sameKey('f', mapping.slice, 'new', base.slice)})`;
  });
  return syncRoutine(plan, {
    at: backwardName(plan, base.target.name, 'key'),
    about: `a key of ${base.target.name} changes`,
    declare: [sql`moved int`],
    body: untilQuiet(plan, [inOneStatement(moves)]),
  });
}

export function forwardTruncateFunction(plan: SyncPlan, old: OldTable): Sql {
  const { relation } = old;
  const deletes = isSliced(plan)
    ? withoutTable(plan, old)
    : old.isBase
      ? emptied(plan)
      : withoutRows(plan, old);
  return syncRoutine(plan, {
    at: forwardName(plan, relation.name, 'truncate'),
    about: `${relation.name} is truncated by the old release`,
    body: [
      sql`begin
    ${joined(deletes, '\n    ')}
    delete from ${stateTable('quarantine')} as q
    where ${ownQuarantine(plan, 'q')};
  exception when others then
    insert into ${stateTable('quarantine')} (evolution, relation, key, sqlstate, reason)
    values (${literal(plan.places.evolution)}, ${literal(plan.cluster.id)}, '{}',
      sqlstate, 'truncate: ' || sqlerrm)
    on conflict do nothing;
  end;`,
    ],
  });
}

/** DELETE and not TRUNCATE: a table of the new release may refer to these, and must not stop it. */
function emptied(plan: SyncPlan): Sql[] {
  const all = [...plan.forward].reverse().concat(spillsOf(plan));
  return all.map(({ mapping }) => sql`delete from ${plan.bind(mapping.target)};`);
}

/** A table beside the base has no rows: what it has fed stays, without its values. */
function withoutRows(plan: SyncPlan, { relation }: OldTable): Sql[] {
  return plan.forward.flatMap((target) => {
    const touch = touchOf(target.mapping, relation);
    const update = touch === null ? null : updateMany(target, plan.bind, null);
    return update === null ? [] : [sql`${update};`];
  });
}

/**
 * The new layout refuses TRUNCATE while both are in service: what it would empty is not one table.
 */
export function backwardTruncateFunction(plan: SyncPlan, table: string): Sql {
  return routine(plan.places, {
    at: backwardName(plan, table, 'truncate'),
    returns: 'trigger',
    about: `${table} is truncated by the new release`,
    body: [
      raise('HL003', literal(`truncate ${table}: not possible while two releases are in service`), {
        hint: literal(`delete from ${table} does the same and is carried to the other release`),
      }),
    ],
  });
}

/**
 * Statement trigger while nothing is synced yet: rows that the new release has written beside an
 * old row go when that row goes, so that a key used again starts clean.
 */
export function forgetFunction(
  plan: SyncPlan,
  isTruncate: boolean,
  kept: ReadonlySet<string>,
): Sql {
  const all = [...plan.forward].reverse().filter(({ mapping }) => kept.has(mapping.target.name));
  const spill = spillsOf(plan);
  const { relation, key } = plan.cluster.olds[0] as OldTable;
  const source = floorTable(relation.name);
  const isBack = sql`select from ${source} as s where ${sameKey('s', key, 'o')}`;
  const deletes = [...all, ...spill].map(({ mapping }) => {
    const at = plan.bind(mapping.target);
    if (isTruncate) return sql`delete from ${at};`;
    // Mostly nothing is kept, and every delete of the release in the field comes by here.
    return sql`if exists (select from ${at}) then
    delete from ${at} as t using ${ROWS.old} as o
    where ${sameKey('t', mapping.slice, 'o', key)} and not exists (${isBack});
  end if;`;
  });
  return routine(plan.places, {
    at: forwardName(plan, relation.name, isTruncate ? 'truncate' : 'delete'),
    returns: 'trigger',
    about: `rows of ${relation.name} go, and what was carried for them`,
    body: [...deletes, sql`return null;`],
  });
}

/** Statement trigger while nothing is synced yet, where slices hold many rows. */
export function tendFunction(
  plan: SyncPlan,
  { relation, key }: OldTable,
  kept: readonly Target[],
  event: 'update' | 'delete' | 'truncate',
): Sql {
  const slices =
    event === 'truncate' ? null : touchedSlices(event, { slice: key, via: null }, plan);
  return routine(plan.places, {
    at: forwardName(plan, relation.name, event),
    returns: 'trigger',
    about: `rows of ${relation.name} change, and what was carried for them`,
    body: [...tendSlices(plan, kept, slices), sql`return null;`],
  });
}

/**
 * Row trigger while nothing is synced yet. What is kept of a row that the old release takes away
 * goes with it, and an absence goes when the old release brings the row to life, whatever it writes
 * later: looking at the old row alone, nobody could tell that it had been otherwise in between.
 */
export function existenceFunction(plan: SyncPlan, parts: readonly SplitPartPlan[]): Sql {
  const key = plan.key.map((one) => one.name);
  const forgotten = (at: Sql, columns: readonly string[], condition: Sql) =>
    // A condition without a query costs a fraction of one with it, and mostly nothing is kept.
    sql`if ${condition} then
    if exists (select from ${at}) then
      delete from ${at} as t where ${sameKey('t', columns, 'new', key)};
    end if;
  end if;`;
  const body = parts.flatMap((part) => {
    const { isGone, isAlive } = part.existence;
    const beside = plan.bind(part.mapping.target);
    const { absence } = part;
    return [
      ...(isGone === null || part.carried.length === 0
        ? []
        : [forgotten(beside, part.mapping.slice, isGone('new'))]),
      ...(isAlive === null || absence === null
        ? []
        : [forgotten(plan.bind(absence), key, sql`(${isAlive('new')})`)]),
    ];
  });
  return routine(plan.places, {
    at: forwardName(plan, plan.cluster.id, 'existence'),
    returns: 'trigger',
    about: `whether rows of ${plan.cluster.id} have parts changes`,
    body: [...body, ...endKept(plan), sql`return null;`],
  });
}

/**
 * Sync sees to rows from now on; to drop the trigger needs a stronger lock. What ends is carried by
 * the trigger of the statement: carried at once, a row whose key changes would be taken for gone,
 * with all that only the new release knows of it.
 */
export function endExistence(plan: SyncPlan): Sql {
  return routine(plan.places, {
    at: forwardName(plan, plan.cluster.id, 'existence'),
    returns: 'trigger',
    about: 'rows are synced as wholes, and only values that were kept may end',
    declare: MARK_VARIABLES,
    body: [...marked(plan, endKept(plan)), sql`return null;`],
  });
}

/**
 * Ends values that were kept for what does not follow any more. What follows may be an error, which
 * is no error of the statement that has written the old row.
 */
function endKept(plan: SyncPlan): Sql[] {
  const key = keyNames(plan);
  return plan.forward.flatMap(({ mapping }) =>
    mapping.kept.map(({ relation, implied, isGone, type }) => {
      const at = plan.bind(relation);
      // The trigger that moves what is kept along with its key comes after this one.
      const own = sameKey('t', key, 'old');
      const isOther = differs(name('t', KEPT.basis), implied('new'), type);
      const isEnded = isGone === null ? isOther : sql`(${isGone('new')} or ${isOther})`;
      return sql`if exists (select from ${at} as t where ${own}) then
    begin
      delete from ${at} as t where ${own} and ${isEnded};
    exception when others then
      delete from ${at} as t where ${own};
    end;
  end if;`;
    }),
  );
}

function move(plan: SyncPlan, mapping: Mapping, key: readonly string[]): Sql {
  const set = mapping.slice.map(
    (column, index) => sql`${name(column)} = ${name('new', key[index] ?? '')}`,
  );
  return sql`update ${plan.bind(mapping.target)} as t set ${set}
    where ${sameKey('t', mapping.slice, 'old', key)}`;
}

/**
 * All moves as one statement, so that foreign keys among the rows are checked when all have moved.
 */
function inOneStatement(moves: readonly Sql[]): Sql {
  if (moves.length === 0) return sql`null;`;
  const parts = moves.map((one, index) => sql`${name(`m${index}`)} as (${one})`);
  return sql`with ${parts} select 1 into moved;`;
}
