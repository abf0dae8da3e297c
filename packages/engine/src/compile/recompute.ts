// From a mapping to the statements that make its target right for some slices: the one place where
// rows of a layout are written by the engine.
//
// Two forms. deleteGone, upsert, updateOne and insertMissing make the target equal to its query
// (the source is the truth). applyUpdates, applyInserts, applyUpserts and applyDeletes carry over
// only what a statement changed: they compare the query before and after, so that a column which
// somebody else has just changed on the other side is left alone.

import { joined, name, names, type Sql, sql } from '../sql.js';
import { anyDiffers, differs, qualified, rowOf, sameKey, type Types } from './compared.js';
import type { Bind, Mapping } from './mapping.js';
import { deleteGoneInSlices, upsertInSlices } from './slices.js';

export interface Target {
  readonly mapping: Mapping;
  readonly types: Types;
  /** True when a key column is `generated always`: inserts must say that they mean the value. */
  readonly isOverriding: boolean;
  /** False where another default supplies the onInsert columns (native new tables in dual). */
  readonly givesOnInsert: boolean;
  /** True when a foreign key takes the rows along with those of the base that they refer to. */
  readonly isCascaded: boolean;
}

/** A SELECT that yields the slices, with columns named as the slice columns of the target. */
export type Slices = Sql;

/** Removes rows of the target that its query no longer yields. */
export function deleteGone(target: Target, bind: Bind, slices: Slices): Sql {
  const { mapping } = target;
  if (mapping.perSlice === 'many rows') return deleteGoneInSlices(target, bind, slices);
  return sql`delete from ${bind(mapping.target)} as t
    where ${rowOf('t', mapping.slice)} in (${slices})
      and not exists (
        select from (${mapping.query(bind)}) as q where ${sameKey('q', mapping.slice, 't')}
      )`;
}

/** Inserts what is missing in the target and updates what differs; never touches what is equal. */
export function upsert(target: Target, bind: Bind, slices: Slices): Sql {
  if (target.mapping.perSlice === 'many rows') return upsertInSlices(target, bind, slices);
  return insertOrUpdate(target, bind, sourceRows(target, bind, slices));
}

function sourceRows(target: Target, bind: Bind, slices: Slices): Sql {
  const { mapping } = target;
  return sql`${allRows(target, bind)} where ${rowOf('q', mapping.slice)} in (${slices})`;
}

/** Plain inserts of all that the query yields: for sources bound to rows that are new. */
export function insertAll(target: Target, bind: Bind): Sql {
  return insertInto(target, bind, allRows(target, bind));
}

/**
 * Plain inserts of what the query yields and the target lacks; for slices that nobody else can
 * write meanwhile. Cheaper than `on conflict do nothing`, which inserts every row speculatively.
 * @param isAnyThere a query, evaluated once: false where the target has none of the rows for sure.
 */
export function insertMissing(target: Target, bind: Bind, isAnyThere: Sql): Sql {
  const { mapping } = target;
  const isThere = sql`exists (
      select from ${bind(mapping.target)} as t where ${sameKey('t', mapping.slice, 'q')}
    )`;
  const source = sql`${allRows(target, bind)}
    where not (${isAnyThere}) or not ${isThere}`;
  return insertInto(target, bind, source);
}

function allRows(target: Target, bind: Bind): Sql {
  const columns = qualified('q', insertColumns(target));
  return sql`select ${columns} from (${target.mapping.query(bind)}) as q`;
}

/**
 * Updates rows of the slices that are there and differ, or of all that the query yields where
 * slices are null; null where there is nothing but the key.
 */
export function updateMany(target: Target, bind: Bind, slices: Slices | null): Sql | null {
  const { mapping, types } = target;
  if (mapping.columns.length === 0) return null;
  const isMeant = slices === null ? sql`` : sql`and ${rowOf('q', mapping.slice)} in (${slices})`;
  const set = mapping.columns.map((column) => sql`${name(column)} = ${name('q', column)}`);
  return sql`update ${bind(mapping.target)} as t
    set ${set}
    from (${mapping.query(bind)}) as q
    where ${sameKey('t', mapping.key, 'q')}
      ${isMeant}
      and (${anyDiffers('t', 'q', mapping.columns, types)})`;
}

/**
 * Updates the row of one slice if it is there and differs; null where there is nothing but the key.
 */
export function updateOne(target: Target, bind: Bind, values: readonly Sql[]): Sql | null {
  const { mapping, types } = target;
  if (mapping.columns.length === 0) return null;
  const set = mapping.columns.map((column) => sql`${name(column)} = ${name('q', column)}`);
  const is = (alias: string) =>
    joined(
      mapping.slice.map((column, index) => sql`${name(alias, column)} = ${values[index] ?? sql``}`),
      ' and ',
    );
  return sql`update ${bind(mapping.target)} as t
    set ${set}
    from (${mapping.query(bind)}) as q
    where ${is('t')} and ${is('q')} and (${anyDiffers('t', 'q', mapping.columns, types)})`;
}

export interface Change {
  /** What the source held before and holds after the statement, as relations bound in the query. */
  readonly before: Bind;
  readonly after: Bind;
  readonly slices: Slices;
  /**
   * Columns that are written whatever they were: those that a row feeds which appears or vanishes,
   * since the target may hold other values beside a missing row than the ones that stand for it.
   */
  readonly always: readonly string[];
}

/** Carries the difference between two states of the sources over to the target. */
export function applyUpdates(target: Target, bind: Bind, change: Change): Sql | null {
  const { mapping, types } = target;
  if (mapping.columns.length === 0) return null;
  const isAlways = (column: string) => change.always.includes(column);
  const assignments = mapping.columns.map((column) => {
    const after = name('a', column);
    if (isAlways(column)) return sql`${name(column)} = ${after}`;
    // Of columns that one of the new release gives back together, none means what it was alone.
    const together = mapping.blurred?.get(column) ?? [column];
    const isChanged = anyDiffers('b', 'a', together, types);
    const kept = name('t', column);
    return sql`${name(column)} = case when ${isChanged} then ${after} else ${kept} end`;
  });
  const isDue = [
    anyDiffers(
      'a',
      'b',
      mapping.columns.filter((one) => !isAlways(one)),
      types,
    ),
    anyDiffers('a', 't', change.always, types),
  ];
  return sql`with b as materialized (${restricted(mapping, change.before, change.slices)}),
    a as materialized (${restricted(mapping, change.after, change.slices)})
    update ${bind(mapping.target)} as t
    set ${assignments}
    from b, a
    where ${sameKey('a', mapping.slice, 'b')}
      and ${sameKey('t', mapping.slice, 'a')}
      and (${joined(isDue, ' or ')})`;
}

/** Plain inserts: a key that is taken is PostgreSQL's own unique_violation. */
export function applyInserts(target: Target, bind: Bind, change: Change): Sql {
  return insertInto(target, bind, appeared(target, change));
}

/** What is written into a row that is there already. */
export interface Rewritten {
  readonly columns: readonly string[];
  /** How the row's values are read where its key was moved; null where it is another row. */
  readonly moved: Bind | null;
}

/**
 * Inserts where the row may be there already: one whose key was moved, or of spill. One that was
 * moved keeps values that still mean what was written.
 */
export function applyUpserts(
  target: Target,
  bind: Bind,
  change: Change,
  { columns, moved }: Rewritten,
): Sql {
  const { mapping, types } = target;
  const values = (column: string) => {
    const written = name('excluded', column);
    if (moved === null || mapping.blurred?.has(column) !== true) return written;
    const meant = sql`(select ${name('m', column)} from (${mapping.query(moved)}) as m
        where ${sameKey('m', mapping.slice, 't')})`;
    const isOther = differs(meant, written, types.get(column));
    return sql`case when ${isOther} then ${written} else ${name('t', column)} end`;
  };
  return insertOrUpdate(target, bind, appeared(target, change), { columns, values });
}

/** Rows that the query yields after the change and did not before. */
function appeared(target: Target, change: Change): Sql {
  const { mapping } = target;
  return sql`select ${qualified('a', insertColumns(target))}
    from (${restricted(mapping, change.after, change.slices)}) as a
    where not exists (
      select from (${restricted(mapping, change.before, change.slices)}) as b
      where ${sameKey('b', mapping.slice, 'a')}
    )`;
}

export function applyDeletes(target: Target, bind: Bind, change: Change): Sql {
  const { mapping } = target;
  return sql`delete from ${bind(mapping.target)} as t
    where ${rowOf('t', mapping.slice)} in (${change.slices})
      and exists (
        select from (${mapping.query(change.before)}) as b where ${sameKey('b', mapping.slice, 't')}
      )
      and not exists (
        select from (${mapping.query(change.after)}) as a where ${sameKey('a', mapping.slice, 't')}
      )`;
}

/**
 * Takes the row locks of the slices in key order: always a statement of its own (DESIGN 5, rule 2).
 */
export function lockSlices(
  target: Target,
  bind: Bind,
  slices: Slices,
  strength: Sql = sql`for no key update`,
): Sql {
  const { mapping } = target;
  return sql`select 1 from ${bind(mapping.target)} as t
    where ${rowOf('t', mapping.slice)} in (${slices})
    order by ${qualified('t', mapping.slice)}
    ${strength}`;
}

function restricted(mapping: Mapping, bind: Bind, slices: Slices): Sql {
  return sql`select q.* from (${mapping.query(bind)}) as q
    where ${rowOf('q', mapping.slice)} in (${slices})`;
}

function insertColumns(target: Target): string[] {
  const { mapping, givesOnInsert } = target;
  return [...mapping.slice, ...mapping.columns, ...(givesOnInsert ? mapping.onInsert : [])];
}

function insertInto(target: Target, bind: Bind, source: Sql): Sql {
  const overriding = target.isOverriding ? sql` overriding system value` : sql``;
  const columns = names(insertColumns(target));
  return sql`insert into ${bind(target.mapping.target)} as t (${columns})${overriding}
    ${source}`;
}

interface Replaced {
  readonly columns: readonly string[];
  readonly values: (column: string) => Sql;
}

function insertOrUpdate(
  target: Target,
  bind: Bind,
  source: Sql,
  { columns, values }: Replaced = {
    columns: target.mapping.columns,
    values: (column) => name('excluded', column),
  },
): Sql {
  const insert = sql`${insertInto(target, bind, source)}
    on conflict (${names(target.mapping.slice)})`;
  if (columns.length === 0) return sql`${insert} do nothing`;
  const assignments = columns.map((column) => sql`${name(column)} = ${values(column)}`);
  return sql`${insert} do update
    set ${assignments}
    where ${anyDiffers('t', 'excluded', columns, target.types)}`;
}

/** `select k1, k2 from rows`, renamed to the slice columns of the target. */
export function slicesOf(rows: Sql, from: readonly string[], to: readonly string[]): Slices {
  const columns = from.map(
    (column, index) => sql`${name('r', column)} as ${name(to[index] ?? '')}`,
  );
  return sql`select ${columns} from ${rows} as r`;
}

export function unionSlices(slices: readonly Slices[]): Slices {
  return joined(slices, ' union ');
}
