// move_column: a column goes from a table to one that refers to it.
//
// parent(k, x) · child(id, k) ⇄ parent(k) · child(id, k, x)
//
// Every child has its parent's value. The other way round the parent has that of its first child,
// by the child's key; without a child it keeps its own, and a new parent has the default.

import { assigned } from '../compile/assigned.js';
import type { PairedTable, SlicedLayout } from '../compile/layout.js';
import { type Bind, newRelation, oldRelation } from '../compile/mapping.js';
import { refuse } from '../compile/refuse.js';
import type { Table } from '../release/catalog.js';
import type { Evolution, MoveColumn } from '../release/evolution.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import { columnOf } from './cluster-mappings.js';
import {
  backwardValues,
  forwardValues,
  readColumns,
  selected,
  type Value,
} from './plain-values.js';
import { primaryKeyOf, type Sliced, type SlicedTable } from './sliced.js';

interface Moved {
  readonly change: MoveColumn;
  readonly parent: PairedTable;
  readonly child: PairedTable;
  /** Columns of the child that hold the parent's key, in its order: old and new. */
  readonly oldKey: readonly string[];
  readonly newKey: readonly string[];
}

export function moveTables(layout: SlicedLayout, change: MoveColumn, evolution: Evolution): Sliced {
  const [oldParent, oldChild] = layout.olds as [Table, Table];
  const [newParent, newChild] = layout.news as [Table, Table];
  const moved: Moved = {
    change,
    parent: layout.pairsOf(oldParent, newParent),
    child: layout.pairsOf(oldChild, newChild),
    oldKey: keyOf(oldChild, oldParent, change, evolution),
    newKey: keyOf(newChild, newParent, change, evolution),
  };
  assertMoved(moved, evolution);
  const parents = { told: parentOf(moved), pair: moved.parent };
  const children = { told: childOf(moved), pair: moved.child };
  const asNew = ({ told, pair }: { told: Both; pair: PairedTable }) => ({
    ...told.new,
    pair,
    sources: new Map(
      told.values.map((one) => [
        one.column,
        one.reads.map((column) => ({ table: pair.old.name, column })),
      ]),
    ),
    plain: new Map(told.values.flatMap((one) => (one.copy ? [[one.column, one.copy]] : []))),
    isBase: told === parents.told,
    notes: told === parents.told ? [] : [noteOf(change)],
  });
  return {
    kind: 'move_column',
    at: change.at,
    olds: [parents.told.old, children.told.old],
    news: [asNew(parents), asNew(children)],
    isLossy: true,
  };
}

/** It is gone there and new here: two columns that hold it would be two truths. */
function assertMoved({ change, parent, child }: Moved, evolution: Evolution): void {
  const stays = forwardValues(parent, 'o').find((one) => one.reads.includes(change.column));
  const was = backwardValues(child, 'p').find((one) => one.reads.includes(change.as));
  const found = stays ?? was;
  if (found === undefined) return;
  const [table, version] =
    stays === undefined ? [child.old.name, evolution.from] : [parent.new.name, evolution.to];
  throw refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      `column ${table}.${found.column} of release ${version} follows from ` +
      `${stays === undefined ? change.as : change.column}, which move_column takes elsewhere`,
    hint: `leave ${table}.${found.column} out of that release, or state the change as custom`,
    at: change.at,
  });
}

function noteOf({ table, column, as }: MoveColumn): string {
  return (
    `column ${as} is ${column} of its row of ${table}; ` +
    'the other way round the first row by key counts'
  );
}

interface Both {
  readonly old: SlicedTable;
  readonly new: SlicedTable;
  readonly values: readonly Value[];
}

function parentOf({ change, parent, child, newKey }: Moved): Both {
  const up = forwardValues(parent, 'o');
  const down = backwardValues(parent, 'p').filter((one) => one.column !== change.column);
  const key = primaryKeyOf(parent.new);
  const column = columnOf(parent.old, change.column);
  const is = same('c', newKey, 'p', key);
  const order = primaryKeyOf(child.new).map((one) => name('c', one));
  const own = same('q', primaryKeyOf(parent.old), 'p', key);
  // Without a child it is what the parent has already, so that 2.0 changes nothing of it.
  const childsOrOwn = (bind: Bind) => {
    const rows = bind(newRelation(child.new.name));
    const found = sql`(case when exists (select from ${rows} as c where ${is})
      then (select ${name('c', change.as)} from ${rows} as c where ${is}
        order by ${order} limit 1)
      else (select ${name('q', column.name)} from ${bind(oldRelation(parent.old.name))} as q
        where ${own}) end)`;
    const value = column.notNull
      ? sql`coalesce(${found}, ${trusted(column.default ?? 'null')})`
      : found;
    return {
      column: column.name,
      value: assigned(value, column, parent.bases),
      reads: [],
      copy: null,
    };
  };
  const at = change.at;
  return {
    values: up,
    new: {
      at,
      table: parent.new,
      slice: key,
      via: null,
      columns: up.map((one) => one.column),
      query: (bind) => sql`${selected(up)} from ${bind(oldRelation(parent.old.name))} as o`,
      reads: new Map([[parent.old.name, readColumns(up)]]),
    },
    old: {
      at,
      table: parent.old,
      slice: primaryKeyOf(parent.old),
      via: null,
      columns: [...down.map((one) => one.column), column.name],
      query: (bind) =>
        sql`${selected([...down, childsOrOwn(bind)])}
      from ${bind(newRelation(parent.new.name))} as p`,
      reads: new Map([
        [parent.new.name, readColumns(down)],
        [child.new.name, [...newKey, ...primaryKeyOf(child.new), change.as]],
      ]),
    },
  };
}

function childOf({ change, parent, child, oldKey, newKey }: Moved): Both {
  const up = forwardValues(child, 'o').filter((one) => one.column !== change.as);
  const down = backwardValues(child, 'p');
  const key = primaryKeyOf(parent.old);
  const column = columnOf(child.new, change.as);
  const value = assigned(name('q', change.column), column, child.bases);
  const got: Value = { column: column.name, value, reads: [], copy: null };
  const at = change.at;
  return {
    values: up,
    new: {
      at,
      table: child.new,
      slice: newKey,
      via: null,
      columns: [...up.map((one) => one.column), column.name],
      query: (bind) => sql`${selected([...up, got])}
      from ${bind(oldRelation(child.old.name))} as o
      left join ${bind(oldRelation(parent.old.name))} as q on ${same('q', key, 'o', oldKey)}`,
      reads: new Map([
        [child.old.name, readColumns(up)],
        [parent.old.name, [...key, change.column]],
      ]),
    },
    old: {
      at,
      table: child.old,
      slice: oldKey,
      via: null,
      columns: down.map((one) => one.column),
      query: (bind) => sql`${selected(down)} from ${bind(newRelation(child.new.name))} as p`,
      reads: new Map([[child.new.name, readColumns(down)]]),
    },
  };
}

function same(left: string, own: readonly string[], right: string, other: readonly string[]): Sql {
  const pairs = own.map((one, at) => sql`${name(left, one)} = ${name(right, other[at] ?? '')}`);
  return joined(pairs, ' and ');
}

function keyOf(child: Table, parent: Table, change: MoveColumn, evolution: Evolution): string[] {
  const wanted = primaryKeyOf(parent);
  const found = child.foreignKeys.find(
    (one) =>
      one.referencedTable === parent.name &&
      one.referencedColumns.length === wanted.length &&
      one.referencedColumns.every((column) => wanted.includes(column)) &&
      one.columns.every((column) => columnOf(child, column).notNull),
  );
  if (found !== undefined) {
    return wanted.map((one) => found.columns[found.referencedColumns.indexOf(one)] ?? '');
  }
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `${child.name} has no foreign key to ${parent.name} (${wanted.join(', ')}) ` +
      'whose columns are not null, so a row of it may have no value to get',
    hint: 'state the change as custom, which says what such rows get',
    at: change.at,
  });
}
