// unnest_column and nest_table: elements of a column ⇄ rows of a table.
//
// flat(k, a, list) ⇄ parent(k, a) · rows(k, position, value)
//
// Which side is old makes the kind; the queries are the same. A list without rows is empty, or null
// where the column may be null. Elements without a position have the order of their values.

import { assigned } from '../compile/assigned.js';
import type { PairedTable, SlicedLayout } from '../compile/layout.js';
import { type Bind, newRelation, oldRelation } from '../compile/mapping.js';
import { refuse } from '../compile/refuse.js';
import type { Table } from '../release/catalog.js';
import type { Evolution, NestTable, Position, UnnestColumn } from '../release/evolution.js';
import { joined, name, type Sql, sql } from '../sql.js';
import { columnOf } from './cluster-mappings.js';
import { assertList, elementsOf, listValues } from './lists.js';
import {
  backwardValues,
  forwardValues,
  readColumns,
  selected,
  type Value,
} from './plain-values.js';
import {
  type OldName,
  primaryKeyOf,
  type Sliced,
  type SlicedNew,
  type SlicedTable,
} from './sliced.js';

export type Nesting = UnnestColumn | NestTable;

interface Nested {
  readonly layout: SlicedLayout;
  readonly flat: Table;
  readonly parent: Table;
  /** The flat table and the parent, old and new. */
  readonly pair: PairedTable;
  readonly from: (table: Table, bind: Bind) => Sql;
  readonly at: Position;
  /** Columns of the flat table that hold elements. */
  readonly lists: ReadonlySet<string>;
}

/** The table of one change's rows. */
interface Rows {
  readonly change: Nesting;
  readonly table: Table;
  /** Columns that hold the key of the parent, in its order. */
  readonly key: readonly string[];
}

export function nestingTables(
  layout: SlicedLayout,
  changes: readonly Nesting[],
  evolution: Evolution,
): Sliced {
  const [first] = changes as [Nesting, ...Nesting[]];
  const isUnnest = first.kind === 'unnest_column';
  const [flats, others] = isUnnest ? [layout.olds, layout.news] : [layout.news, layout.olds];
  const called = (change: Nesting) => (isUnnest ? change.into : change.table);
  const flat = flats[0] as Table;
  const parent = others.find((one) => !changes.some((c) => called(c) === one.name)) as Table;
  const nested: Nested = {
    at: first.at,
    lists: new Set(changes.flatMap((one) => one.columns)),
    layout,
    flat,
    parent,
    pair: layout.pairs.find((one) => one.new === (isUnnest ? parent : flat)) as PairedTable,
    from: (table, bind) => {
      const relation = layout.olds.includes(table) ? oldRelation : newRelation;
      return bind(relation(table.name));
    },
  };
  const rows = changes.map((change) => {
    assertList(change, flat, { evolution, bases: layout.bases });
    const table = others.find((one) => one.name === called(change)) as Table;
    return { change, table, key: keyOf(change, table, parent, evolution) };
  });
  const tables = { kind: first.kind, at: first.at, isLossy: false };
  const [flatTable, parentTable] = [flatOf(nested, rows), parentOf(nested, evolution)];
  const rowTables = rows.map((one) => rowsOf(nested, one));
  return isUnnest
    ? { ...tables, olds: [flatTable.told], news: [parentTable, ...rowTables].map(asNew(nested)) }
    : {
        ...tables,
        olds: [parentTable, ...rowTables].map((one) => one.told),
        news: [flatTable].map(asNew(nested)),
      };
}

/** A table with what its columns come from. */
interface Told {
  readonly told: SlicedTable;
  readonly sources: ReadonlyMap<string, readonly OldName[]>;
  readonly plain: ReadonlyMap<string, string>;
  readonly isBase: boolean;
  readonly notes: readonly string[];
}

function asNew({ layout }: Nested): (one: Told) => SlicedNew {
  return ({ told, sources, plain, isBase, notes }) => {
    const pair = layout.pairs.find((one) => one.new === told.table) as PairedTable;
    return { ...told, pair, sources, plain, isBase, notes };
  };
}

function sourcesOf(values: readonly Value[], table: Table): [string, OldName[]][] {
  return values.map(({ column, reads }) => [
    column,
    reads.map((one) => ({ table: table.name, column: one })),
  ]);
}

function copiesIn(values: readonly Value[]): Map<string, string> {
  return new Map(
    values.flatMap(({ column, copy }) => (copy === null ? [] : [[column, copy] as const])),
  );
}

function parentOf(nested: Nested, evolution: Evolution): Told {
  const { flat, parent, pair, from, layout, at } = nested;
  const isOld = layout.olds.includes(parent);
  const values = isOld ? backwardValues(pair, 'o') : forwardValues(pair, 'o');
  assertGone(nested, values, evolution);
  return {
    told: {
      at,
      table: parent,
      slice: primaryKeyOf(parent),
      via: null,
      columns: values.map((one) => one.column),
      query: (bind) => sql`${selected(values)} from ${from(flat, bind)} as o`,
      reads: new Map([[flat.name, readColumns(values)]]),
    },
    sources: new Map(sourcesOf(values, flat)),
    plain: copiesIn(values),
    isBase: true,
    notes: [],
  };
}

function flatOf({ flat, parent, pair, from, layout, lists }: Nested, rows: readonly Rows[]): Told {
  const isOld = layout.olds.includes(flat);
  const own = (isOld ? backwardValues(pair, 'p') : forwardValues(pair, 'p')).filter(
    (one) => !lists.has(one.column),
  );
  const query = (bind: Bind) => {
    const all = rows.flatMap((one) =>
      listValues(one.change, {
        flat,
        rows: from(one.table, bind),
        isRow: keysAre(one, parent),
      }).map(({ column, value }) => {
        const type = columnOf(flat, column);
        return { column, value: assigned(value, type, pair.bases), reads: [], copy: null };
      }),
    );
    return sql`${selected([...own, ...all])} from ${from(parent, bind)} as p`;
  };
  const listed = rows.flatMap(({ change, table }) =>
    change.columns.map((column): [string, OldName[]] => [
      column,
      [{ table: table.name, column: change.value }],
    ]),
  );
  return {
    told: {
      at: rows[0]?.change.at ?? { line: 1, column: 1 },
      table: flat,
      slice: primaryKeyOf(flat),
      via: null,
      columns: [...own.map((one) => one.column), ...lists],
      query,
      reads: new Map([
        [parent.name, readColumns(own)],
        ...rows.map((one) => [one.table.name, rowColumns(one)] as const),
      ]),
    },
    sources: new Map([...sourcesOf(own, parent), ...listed]),
    plain: copiesIn(own),
    isBase: true,
    notes: rows.map(({ change }) => noteOf(change)),
  };
}

function rowColumns({ change, key }: Rows): string[] {
  return [...key, change.value, ...(change.position === null ? [] : [change.position])];
}

function keysAre({ key }: Rows, parent: Table): Sql {
  const pairs = key.map(
    (one, place) => sql`${name('c', one)} = ${name('p', primaryKeyOf(parent)[place] ?? '')}`,
  );
  return joined(pairs, ' and ');
}

function rowsOf({ flat, from, pair }: Nested, one: Rows): Told {
  const { change, table, key } = one;
  const flatKey = primaryKeyOf(flat);
  const value = assigned(name('e', 'value'), columnOf(table, change.value), pair.bases);
  const position = change.position;
  const columns = [
    ...key.map((column, place) => sql`${name('o', flatKey[place] ?? '')} as ${name(column)}`),
    sql`${value} as ${name(change.value)}`,
    ...(position === null
      ? []
      : [
          sql`${assigned(name('e', 'position'), columnOf(table, position), pair.bases)}
      as ${name(position)}`,
        ]),
  ];
  const elements = elementsOf(change, flat, columnOf(table, change.value));
  // A set has each value once.
  const distinct = position === null ? sql`distinct ` : sql``;
  const lists = change.columns.map((column) => ({ table: flat.name, column }));
  return {
    told: {
      at: change.at,
      table,
      slice: key,
      via: null,
      columns: rowColumns(one),
      query: (bind) =>
        sql`select ${distinct}${columns} from ${from(flat, bind)} as o
      cross join lateral ${elements}`,
      reads: new Map([[flat.name, [...flatKey, ...change.columns]]]),
    },
    sources: new Map([
      ...key.map((column, place): [string, OldName[]] => [
        column,
        [{ table: flat.name, column: flatKey[place] ?? '' }],
      ]),
      [change.value, lists],
      ...(position === null ? [] : [[position, lists] as [string, OldName[]]]),
    ]),
    plain: new Map(),
    isBase: false,
    notes: [noteOf(change)],
  };
}

/** As stated, else by the foreign key to the parent. */
function keyOf(change: Nesting, table: Table, parent: Table, evolution: Evolution): string[] {
  const wanted = primaryKeyOf(parent);
  const key = change.key;
  const toParent = table.foreignKeys.find(
    (one) =>
      one.referencedTable === parent.name &&
      one.referencedColumns.length === wanted.length &&
      one.referencedColumns.every((column) => wanted.includes(column)),
  );
  const found = wanted.map((column) =>
    key === null
      ? toParent?.columns[toParent.referencedColumns.indexOf(column)]
      : Object.keys(key).find((own) => key[own] === column),
  );
  const columns = found.filter((one) => one !== undefined);
  const count = key === null ? wanted.length : Object.keys(key).length;
  if (columns.length === wanted.length && count === wanted.length) return columns;
  const reason =
    key === null
      ? `it has no foreign key to ${parent.name} (${wanted.join(', ')})`
      : `"key" must name all of its primary key (${wanted.join(', ')}), and nothing else`;
  const pairs = wanted.map((one) => `<column of ${table.name}>: ${one}`);
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message: `nothing says to which row of ${parent.name} one of ${table.name} belongs: ${reason}`,
    hint: `state it: key: { ${pairs.join(', ')} }`,
    at: change.places?.key ?? change.at,
  });
}

/** What becomes rows is no column of the table that they belong to: there would be two truths. */
function assertGone(nested: Nested, values: readonly Value[], evolution: Evolution): void {
  const { layout, parent, lists } = nested;
  const found = values.find((one) => one.reads.some((column) => lists.has(column)));
  if (found === undefined) return;
  const version = layout.olds.includes(parent) ? evolution.from : evolution.to;
  const read = found.reads.filter((column) => lists.has(column)).join(', ');
  throw refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      `column ${parent.name}.${found.column} of release ${version} follows from ${read}, ` +
      'whose elements are rows there: a change of the rows would not change it',
    hint: `leave ${parent.name}.${found.column} out of that release`,
    at: nested.at,
  });
}

function noteOf({ columns, position, value }: Nesting): string {
  const order =
    position === null
      ? `in the order of ${value}, each value once`
      : `in the order of ${position}, which counts from 1`;
  return `elements of ${columns.join(', ')} are rows ${order}`;
}
