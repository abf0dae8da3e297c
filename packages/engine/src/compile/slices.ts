// Slices of many rows: where the rows of one relation become several, or several become one, all
// rows that hang together are recomputed at once and compared by their keys.
//
// The query is asked for one slice after the other, by a lateral subquery that stays one (offset
// 0): so the slice is known inside the query, below its groupings and set-returning functions, and
// an index serves it. A join with the slices would have PostgreSQL compute the whole query first.

import { joined, literal, name, names, type Sql, sql } from '../sql.js';
import { anyDiffers, differs, qualified, rowOf, sameKey } from './compared.js';
import type { Bind, Mapping } from './mapping.js';
import type { Slices, Target } from './recompute.js';

/** Rows that the query yields for the slices. */
export function inSlices({ query, slice }: Mapping, bind: Bind, slices: Slices): Sql {
  return sql`select q.* from (${slices}) as s
    cross join lateral (
      select * from (${query(bind)}) as q where ${sameKey('q', slice, 's')} offset 0
    ) as q`;
}

/** What an insert writes: key, slice and columns, each once. */
export function writtenColumns({ key, slice, columns }: Mapping): string[] {
  return [...new Set([...key, ...slice, ...columns])];
}

/** What an update may write: the key tells the rows apart. */
export function changedColumns(mapping: Mapping): string[] {
  return writtenColumns(mapping).filter((one) => !mapping.key.includes(one));
}

/** Removes rows of the slices that the query no longer yields, in these slices or in any other. */
export function deleteGoneInSlices({ mapping }: Target, bind: Bind, slices: Slices): Sql {
  const { key, slice } = mapping;
  const isElsewhere = slice.every((one) => key.includes(one))
    ? sql``
    : sql`
      and not exists (${byKey(mapping, bind, 't')})`;
  return sql`with q as materialized (${inSlices(mapping, bind, slices)})
    delete from ${bind(mapping.target)} as t
    where ${rowOf('t', slice)} in (${slices})
      and not exists (select from q where ${sameKey('q', key, 't')})${isElsewhere}`;
}

/** Removes all rows that the query no longer yields. */
export function deleteAllGone({ mapping }: Target, bind: Bind): Sql {
  return sql`delete from ${bind(mapping.target)} as t
    where not exists (${byKey(mapping, bind, 't')})`;
}

function byKey({ query, key }: Mapping, bind: Bind, alias: string): Sql {
  return sql`
        select from (
          select * from (${query(bind)}) as q where ${sameKey('q', key, alias)} offset 0
        ) as q`;
}

/** Inserts what is missing in the slices and updates what differs. */
export function upsertInSlices(target: Target, bind: Bind, slices: Slices): Sql {
  return insertOr(target, bind, inSlices(target.mapping, bind, slices), 'update');
}

/** Of the slices, updates what is there and differs; null where there is nothing but the key. */
export function updateInSlices(target: Target, bind: Bind, slices: Slices): Sql | null {
  const { mapping, types } = target;
  const columns = changedColumns(mapping);
  if (columns.length === 0) return null;
  return sql`update ${bind(mapping.target)} as t
    set ${columns.map((one) => sql`${name(one)} = ${name('q', one)}`)}
    from (${inSlices(mapping, bind, slices)}) as q
    where ${sameKey('t', mapping.key, 'q')} and (${anyDiffers('t', 'q', columns, types)})`;
}

/** Of the slices, inserts what is missing; whoever made a row meanwhile has made it right. */
export function insertMissingInSlices(target: Target, bind: Bind, slices: Slices): Sql {
  return insertOr(target, bind, inSlices(target.mapping, bind, slices), 'nothing');
}

function insertOr(target: Target, bind: Bind, rows: Sql, instead: 'update' | 'nothing'): Sql {
  const { mapping, types } = target;
  const columns = changedColumns(mapping);
  const insert = sql`${insertInto(target, bind)}
    select ${qualified('q', writtenColumns(mapping))} from (${rows}) as q
    on conflict (${names(mapping.key)})`;
  if (instead === 'nothing' || columns.length === 0) return sql`${insert} do nothing`;
  return sql`${insert} do update
    set ${columns.map((one) => sql`${name(one)} = ${name('excluded', one)}`)}
    where ${anyDiffers('t', 'excluded', columns, types)}`;
}

function insertInto({ mapping, isOverriding }: Target, bind: Bind): Sql {
  const overriding = isOverriding ? sql` overriding system value` : sql``;
  const columns = names(writtenColumns(mapping));
  return sql`insert into ${bind(mapping.target)} as t (${columns})${overriding}`;
}

/** What a statement has changed of the relations that the queries read. */
export interface SliceChange {
  readonly before: Bind;
  readonly after: Bind;
  /** Named as the slice columns of the mapping's target. */
  readonly slices: (mapping: Mapping) => Slices;
  /** Whether rows that appear must be new: a key that is taken is an error then. */
  readonly isFresh: boolean;
  /** Whether the same statement may have made such a row already, on behalf of another table. */
  readonly mayBeMade: boolean;
}

/**
 * Carries the difference between two states over to all targets, as one statement: it is computed
 * before anything of it is written. Rows that differ in nothing are left alone, and of the others
 * the columns that do not differ.
 */
export function applyDifferences(targets: readonly Target[], bind: Bind, change: SliceChange): Sql {
  const parts = targets.flatMap((target, index) => differencesOf(target, index, bind, change));
  // Nothing of the other release follows from a table that is computed for this one alone.
  if (parts.length === 0) return sql`select 1`;
  return sql`with ${joined(parts, ',\n    ')}
    select 1`;
}

function differencesOf(target: Target, index: number, bind: Bind, change: SliceChange): Sql[] {
  const { mapping, types } = target;
  const called = (part: string) => name(`${part}${index}`);
  const at = sql`${bind(mapping.target)} as t`;
  const columns = changedColumns(mapping);
  const slices = change.slices(mapping);
  const missing = (side: Sql, alias: string) =>
    sql`not exists (select from ${side} as x where ${sameKey('x', mapping.key, alias)})`;
  const assignments = columns.map((column) => {
    const [before, after] = [name('b', column), name('a', column)];
    const isChanged = differs(before, after, types.get(column));
    const kept = name('t', column);
    return sql`${name(column)} = case when ${isChanged} then ${after} else ${kept} end`;
  });
  const upsert =
    columns.length === 0
      ? sql` do nothing`
      : sql` do update set ${columns.map((one) => sql`${name(one)} = ${name('excluded', one)}`)}`;
  const conflict = change.isFresh ? sql`` : sql` on conflict (${names(mapping.key)})${upsert}`;
  const isMade = sql`
        and not exists (select from ${bind(mapping.target)} as m
          where ${sameKey('m', mapping.key, 'a')}
            and not (${anyDiffers('m', 'a', columns, types)}))`;
  const isDue = change.isFresh && change.mayBeMade ? isMade : sql``;
  return [
    sql`${called('b')} as materialized (${inSlices(mapping, change.before, slices)})`,
    sql`${called('a')} as materialized (${inSlices(mapping, change.after, slices)})`,
    sql`${called('gone')} as (delete from ${at} using ${called('b')} as b
      where ${sameKey('t', mapping.key, 'b')} and ${missing(called('a'), 't')} returning 1)`,
    ...(columns.length === 0
      ? []
      : [
          sql`${called('changed')} as (update ${at} set ${assignments}
      from ${called('b')} as b, ${called('a')} as a
      where ${sameKey('a', mapping.key, 'b')} and ${sameKey('t', mapping.key, 'a')}
        and (${anyDiffers('a', 'b', columns, types)}))`,
        ]),
    // What goes makes room first.
    sql`${called('come')} as (${insertInto(target, bind)}
      select ${qualified('a', writtenColumns(mapping))} from ${called('a')} as a
      where ${missing(called('b'), 'a')}${isDue}
        and (select count(*) from ${called('gone')}) >= 0${conflict})`,
  ];
}

/** Keys of the slices under which the target does not hold what the query yields. */
export function mismatches({ mapping, types }: Target, bind: Bind, slices: Slices): Sql {
  const { key, slice } = mapping;
  const columns = changedColumns(mapping);
  const text = key.map((one) => sql`coalesce(${name('q', one)}, ${name('t', one)})`);
  const [first = ''] = key;
  const isLost = [
    sql`${name('q', first)} is null`,
    sql`${name('t', first)} is null`,
    ...(columns.length === 0 ? [] : [anyDiffers('q', 't', columns, types)]),
  ];
  return sql`select ${literal(mapping.target.name)} as relation, row(${text})::text as key
      from (${inSlices(mapping, bind, slices)}) as q
      full join (
        select * from ${bind(mapping.target)} as t where ${rowOf('t', slice)} in (${slices})
      ) as t on ${sameKey('q', key, 't')}
      where ${joined(isLost, ' or ')}`;
}
