// Clusters whose slices hold many rows: what every kind of change that makes rows several, or one
// of several, compiles to. Each table says by a query over the other side how its rows follow, and
// by which of its columns they hang together.

import type { ForwardColumn, PairedTable } from '../compile/layout.js';
import {
  type Bind,
  keysRelation,
  type Mapping,
  newRelation,
  oldRelation,
  type Via,
} from '../compile/mapping.js';
import { refuse, stateColumn } from '../compile/refuse.js';
import { type Column, hasIndexOn, isSameSet, type Table } from '../release/catalog.js';
import type { Evolution, Position } from '../release/evolution.js';
import type { Sql } from '../sql.js';
import { columnOf } from './cluster-mappings.js';
import type { KeyMap } from './key-map.js';
import { type OldSource, oldSideOf } from './old-side.js';
import type { KeyPair } from './part.js';
import type { SplitCluster, SplitPartPlan } from './split-table.js';

/** How the rows of one table follow from the other release's. */
export interface SlicedTable {
  readonly at: Position;
  readonly table: Table;
  /** Columns that say to which slice a row belongs, in the order of the cluster's. */
  readonly slice: readonly string[];
  /** The key map through which they say it; null where they hold the slice itself. */
  readonly via: KeyMap | null;
  /** Columns that the query yields, the key's included. */
  readonly columns: readonly string[];
  /** A SELECT over tables of the other release. */
  readonly query: (bind: Bind) => Sql;
  /** The tables that it reads, each with the columns that matter. */
  readonly reads: ReadonlyMap<string, readonly string[]>;
}

export interface OldName {
  readonly table: string;
  readonly column: string;
}

export interface SlicedNew extends SlicedTable {
  /** With the old table that its columns are told from by name. */
  readonly pair: PairedTable;
  /** New column → old columns that it is a copy of, in one or several tables. */
  readonly sources: ReadonlyMap<string, readonly OldName[]>;
  /** New column → column of the pair's old table whose values it has, all of them and no others. */
  readonly plain: ReadonlyMap<string, string>;
  readonly isBase: boolean;
  /** What people are told of it, besides. */
  readonly notes: readonly string[];
}

/** Columns of old tables that new columns are copies of. */
export interface Origin {
  readonly tables: readonly string[];
  /** New column → place in `tables`, and old column; none for what is computed. */
  readonly columns: ReadonlyMap<
    string,
    readonly { readonly place: number; readonly column: string }[]
  >;
}

export interface Sliced {
  readonly kind: string;
  readonly at: Position;
  /** The first one gives the cluster its name, and its slices theirs. */
  readonly olds: readonly SlicedTable[];
  /** Those that others refer to first. */
  readonly news: readonly SlicedNew[];
  readonly isLossy: boolean;
}

/** @param maps of the evolution: those of the cluster's new tables become the cluster's. */
export function slicedCluster(
  sliced: Sliced,
  maps: readonly KeyMap[],
  evolution: Evolution,
): SplitCluster {
  const all = [...sliced.olds, ...sliced.news];
  for (const one of all) assertSliceable(one, sliced, evolution);
  const base = sliced.olds[0] as SlicedTable;
  const oldKey = base.slice.map((column) => columnOf(base.table, column));
  const sources = sliced.olds.map((one, index) => oldSource(one, index));
  const parts = sliced.news.map((one) => partPlan(one, sliced, oldKey, evolution));
  const isAlone = sources.length === 1 && isSameSet(base.slice, primaryKeyOf(base.table));
  return {
    id: base.table.name,
    olds: sources,
    takesTurns: !isAlone,
    old: base.table,
    oldKey,
    parts,
    oldOnly: sliced.olds.flatMap((one) => unmapped(one)),
    forward: parts.map((part) => part.mapping),
    backward: sliced.olds.map((one, index) => ({
      ...mappingOf(one, 'old'),
      target: sources[index]?.relation ?? oldRelation(one.table.name),
    })),
    sliced,
    keys: maps.filter((map) => sliced.news.some((one) => one.table === map.table)),
  };
}

/** Of the keys that hold at once, the first that follows from the other side; else null. */
export function keyOf({ table, columns }: SlicedTable): readonly string[] | null {
  const keys = [table.primaryKey, ...table.uniques].filter((key) => key !== null);
  const isNotNull = (column: string) =>
    table.columns.some((one) => one.name === column && one.notNull);
  const found = keys.find(
    (key) =>
      key.deferrable === 'no' &&
      key.columns.every((column) => columns.includes(column) && isNotNull(column)),
  );
  return found?.columns ?? null;
}

export function primaryKeyOf({ primaryKey }: Table): readonly string[] {
  return primaryKey?.columns ?? [];
}

function oldSource({ table, slice }: SlicedTable, index: number): OldSource {
  const [source] = oldSideOf(table, slice).sources as [OldSource];
  return { ...source, isBase: index === 0 || isSameSet(slice, primaryKeyOf(table)) };
}

function mappingOf(one: SlicedTable, side: 'old' | 'new'): Mapping {
  const relation = side === 'old' ? oldRelation : newRelation;
  const other = side === 'old' ? newRelation : oldRelation;
  const key = keyOf(one) ?? [];
  return {
    target: relation(one.table.name),
    key,
    slice: one.slice,
    via: viaOf(one),
    perSlice: 'many rows',
    columns: one.columns.filter((column) => !key.includes(column) && !one.slice.includes(column)),
    onInsert: [],
    absence: null,
    kept: [],
    query: one.query,
    touches: [...one.reads].map(([source, watches]) => ({
      source: other(source),
      // Whoever asks has the slice columns of the source at hand.
      slice: [],
      watches,
      feeds: one.columns,
      drives: true,
    })),
  };
}

function partPlan(
  one: SlicedNew,
  { olds }: Sliced,
  oldKey: readonly Column[],
  evolution: Evolution,
): SplitPartPlan {
  const { table, pair } = one;
  const mapping = mappingOf(one, 'new');
  const given = new Set([...mapping.key, ...mapping.slice, ...mapping.columns]);
  const own = table.columns.filter(
    (column) => !given.has(column.name) && column.generated === null,
  );
  assertSupplied(one, own, evolution);
  const old = pair.old;
  return {
    table,
    pair,
    isBase: one.isBase,
    key: keyPairs(one, oldKey),
    mapped: mapping.columns.map(
      (column): ForwardColumn => ({
        column: columnOf(table, column),
        up: null,
        source: one.plain.get(column) ?? null,
      }),
    ),
    carried: own,
    generated: [],
    when: null,
    absent: new Map(),
    isJoined: false,
    relation: mapping.target,
    side: oldSideOf(old, []),
    mapping,
    rows: one.query,
    origin: originOf(one, olds),
    absence: null,
    existence: { columns: [], isGone: null, isAlive: null },
    isPlain: false,
  };
}

/** None where the row has no column that holds the old key. */
function keyPairs({ slice, via, table }: SlicedNew, oldKey: readonly Column[]): KeyPair[] {
  if (via !== null) return [];
  return slice.map((column, place) => ({
    old: oldKey[place]?.name ?? '',
    new: columnOf(table, column),
  }));
}

function viaOf({ via, slice }: SlicedTable): Via | null {
  if (via === null) return null;
  return {
    map: keysRelation(via.stated.name),
    slice: via.oldKey.map((one) => one.name),
    drawn: slice.map((_, place) => via.newKey[place]?.name ?? ''),
  };
}

function originOf({ sources }: SlicedNew, olds: readonly SlicedTable[]): Origin {
  const tables = olds.map((one) => one.table.name);
  const columns = [...sources].map(
    ([column, from]) =>
      [
        column,
        from.map((one) => ({ place: tables.indexOf(one.table), column: one.column })),
      ] as const,
  );
  return { tables, columns: new Map(columns) };
}

/** Columns that the other release knows nothing of, and PostgreSQL does not compute. */
export function unmapped({ table, columns }: SlicedTable): Column[] {
  return table.columns.filter((one) => one.generated === null && !columns.includes(one.name));
}

function isSupplied(column: Column): boolean {
  return !column.notNull || column.default !== null || column.identity !== null;
}

function assertSupplied({ table, at }: SlicedNew, own: readonly Column[], evolution: Evolution) {
  const missing = own.find((column) => !isSupplied(column));
  if (missing === undefined) return;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${table.name}.${missing.name} is not null, has no default, ` +
      'and nothing says what the rows of the old release hold there',
    hint: stateColumn(table.name, missing.name),
    at,
  });
}

function assertSliceable(one: SlicedTable, sliced: Sliced, evolution: Evolution): void {
  const { table, slice, columns, at } = one;
  const isNew = sliced.news.some((other) => other === one);
  const version = isNew ? evolution.from : evolution.to;
  const incomplete = (message: string, hint: string) =>
    refuse(evolution, { code: 'EVOLUTION_INCOMPLETE', message, hint, at });
  const key = isNew ? primaryKeyOf(table) : (keyOf(one) ?? primaryKeyOf(table));
  const lost = [...key, ...slice].find((column) => !columns.includes(column));
  if (lost !== undefined) {
    throw incomplete(
      `nothing says what ${table.name}.${lost} is in rows that come from release ${version}`,
      keyAdvice(one, sliced, lost),
    );
  }
  const computed = table.columns.find(
    ({ name, generated }) => generated !== null && columns.includes(name),
  );
  if (computed !== undefined) {
    throw refuse(evolution, {
      code: 'EVOLUTION_INVALID',
      message: `column ${table.name}.${computed.name} is generated: nothing else can fill it`,
      hint: `leave ${computed.name} out`,
      at,
    });
  }
  const needed = unmapped(one).find((column) => !isSupplied(column));
  if (needed !== undefined) {
    throw incomplete(
      `column ${table.name}.${needed.name} is not null, has no default, ` +
        `and nothing says what it is in rows that come from release ${version}`,
      valueAdvice(one, sliced, needed.name),
    );
  }
  if (hasIndexOn(table, slice)) return;
  throw incomplete(
    `no index of ${table.name} begins with ${slice.join(', ')}, ` +
      `by which ${sliced.kind} finds its rows`,
    `create index on ${table.name} (${slice.join(', ')}), in ` +
      (isNew ? 'schema.sql of this release' : 'a release before this one'),
  );
}

function keyAdvice({ table }: SlicedTable, { kind, news }: Sliced, lost: string): string {
  const isNew = news.some((one) => one.table === table);
  if (kind === 'custom') {
    return `let its query yield ${lost}${isNew ? ', from a key map (keys) if it is drawn' : ''}`;
  }
  if (!isNew) {
    return `give ${table.name} a unique key of columns that follow from the new release`;
  }
  return (
    `give ${table.name} a primary key of columns that follow from the old release: ` +
    'one that is drawn would be another at each reading, but for custom, with a key map (keys)'
  );
}

function valueAdvice({ table }: SlicedTable, { kind, olds, news }: Sliced, column: string): string {
  if (kind === 'custom') return `let its query yield ${column}, or give it a default`;
  const isNew = news.some((one) => one.table === table);
  const side = isNew ? news : olds;
  const isNesting = kind === 'unnest_column' || kind === 'nest_table';
  if (isNesting && side[0]?.table !== table) {
    return `give ${table.name}.${column} a default, or state the change as custom`;
  }
  if (isNew) return stateColumn(table.name, column);
  return (
    `state it: - drop_column: { table: ${table.name}, column: ${column}, ` +
    'down: <expression over the new columns> }'
  );
}
