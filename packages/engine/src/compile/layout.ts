// Pairs the tables and columns of two releases: which old table a new one comes from, which old
// column a new column comes from and by which expressions. What the author stated comes first;
// equal names are the same thing; what is left is added or dropped.
//
// Invariant: every new table and every old table stands in exactly one pair, split, `added` or
// `dropped` entry.

import { type KeyMap, keyMapsOf } from '../changes/key-map.js';
import { type Lookup, lookupsOf, throughLookups } from '../changes/lookup.js';
import { withRekeyed } from '../changes/rekey.js';
import type { BaseTypes } from '../release/base-type.js';
import type { Catalog, Column, Table } from '../release/catalog.js';
import { findColumn, findTable } from '../release/catalog.js';
import type {
  Evolution,
  Expression,
  MergeTables,
  SlicedChange,
  SplitPart,
  SplitTable,
} from '../release/evolution.js';
import { isOuter } from '../release/evolution-merge.js';
import { renamedTo } from '../release/evolution-tables.js';
import { typesApart } from '../release/types-apart.js';
import { assertApart } from './apart.js';
import { assertFound } from './refuse.js';
import { groupsOf } from './sliced-groups.js';
import { isSameType, type TypesOfBoth, takenOver, typesOfBoth } from './taken-over.js';

/** A new column and where its value comes from. */
export interface ForwardColumn {
  readonly column: Column;
  /**
   * Expression over the old columns, as stated, for `assigned` to give it the column's type; null
   * for a column that only the new release knows.
   */
  readonly up: string | null;
  /** The old column, when the value is taken over unchanged. */
  readonly source: string | null;
  /** The expression with its place, where the author stated it; else it was inferred. */
  readonly stated?: Expression;
  /** What the expression looks up, where it calls a function for that (changes/lookup.ts). */
  readonly lookup?: 'key' | 'value';
  /** Whether another value than the expression's, written by the new release, is kept. */
  readonly isKept?: boolean;
  /** The expression without what takes its place in rows that break a rule (defaults.ts). */
  readonly said?: string;
}

/** An old column and where its value comes from. */
export interface BackwardColumn {
  readonly column: Column;
  /** The same over the new columns; null for a column that only the old release knows. */
  readonly down: string | null;
  /** The new column, when the value is taken over unchanged. */
  readonly source: string | null;
  readonly stated?: Expression;
  readonly lookup?: 'key' | 'value';
}

export interface PairedTable {
  readonly old: Table;
  readonly new: Table;
  readonly forward: readonly ForwardColumn[];
  readonly backward: readonly BackwardColumn[];
  readonly bases: BaseTypes;
}

/** Equal definitions are not enough: values may be converted, and columns change their names. */
export function isUnchanged({ old, new: target, forward, backward }: PairedTable): boolean {
  const isKept = (one: ForwardColumn | BackwardColumn) => one.source === one.column.name;
  return definitionOf(old) === definitionOf(target) && [...forward, ...backward].every(isKept);
}

/** Without what contract sets on a table that stays (settings.ts): that needs no layout. */
export function definitionOf(part: Table | Column): string {
  const apart = ['comment', 'settings'];
  return JSON.stringify(part, (key, value) => (apart.includes(key) ? undefined : value));
}

export interface SplitLayout {
  readonly change: SplitTable;
  readonly old: Table;
  readonly parts: readonly { readonly part: SplitPart; readonly pair: PairedTable }[];
}

export interface MergeLayout {
  readonly change: MergeTables;
  /** One for each old table, in the order of the change. */
  readonly pairs: readonly PairedTable[];
}

/** Tables whose rows hang together in slices. */
export interface SlicedLayout {
  /** Several where they take apart, or put together, lists of the same table. */
  readonly changes: readonly (SlicedChange | MergeTables)[];
  readonly olds: readonly Table[];
  readonly news: readonly Table[];
  /** By new table, in the order of `news`: with the old table that it resembles most. */
  readonly pairs: readonly PairedTable[];
  /** How the columns of any two of them go together. */
  readonly pairsOf: (old: Table, target: Table) => PairedTable;
  readonly bases: BaseTypes;
  /** Tables that no change touches: queries may read them, and find them in one place for good. */
  readonly untouched: ReadonlySet<string>;
  readonly keys: readonly KeyMap[];
}

export interface Layout {
  readonly pairs: readonly PairedTable[];
  readonly sliced: readonly SlicedLayout[];
  readonly lookups: readonly Lookup[];
  readonly keys: readonly KeyMap[];
  readonly splits: readonly SplitLayout[];
  readonly merges: readonly MergeLayout[];
  readonly added: readonly Table[];
  readonly dropped: readonly Table[];
}

/** @param workSchema where functions stand that some expressions call. */
export function layoutOf(
  older: Catalog,
  to: Catalog,
  stated: Evolution,
  workSchema = 'halflap',
): Layout {
  const from = typesApart(older, to);
  const types = typesOfBoth(from, to, stated);
  const pairOf = (old: Table, target: Table) =>
    pairTables({ old, target, evolution: stated, types, key: {} });
  const evolution = withRekeyed({ from, to, evolution: stated, pairOf });
  const releases: Releases = { from, to, evolution, types };
  const lookups = lookupsOf(from, to, evolution, workSchema);
  const splits = evolution.changes
    .filter((change) => change.kind === 'split_table')
    .map((change) => splitLayout(releases, change));
  const merges = evolution.changes
    .filter((change) => change.kind === 'merge_tables')
    .filter((change) => !isOuter(change))
    .map((change) => mergeLayout(releases, change));
  const keys = keyMapsOf(from, to, evolution);
  const sliced = slicedLayouts(releases, keys);
  const restructured = restructurings({ splits, merges, sliced });
  assertApart(restructured, evolution);
  const usedOld = new Set(restructured.flatMap((one) => one.olds));
  const usedNew = new Set(restructured.flatMap((one) => one.news));
  const pairs: PairedTable[] = [];
  for (const old of from.tables) {
    if (usedOld.has(old.name)) continue;
    const target = findTable(to, renamedTo(evolution.changes, old.name));
    if (target === undefined || usedNew.has(target.name)) continue;
    pairs.push(pairTables({ old, target, evolution, types, key: {} }));
    usedOld.add(old.name);
    usedNew.add(target.name);
  }
  return {
    pairs: pairs.map((pair) => throughLookups(pair, lookups)),
    lookups,
    keys,
    splits,
    merges,
    sliced,
    added: to.tables.filter((table) => !usedNew.has(table.name)),
    dropped: from.tables.filter((table) => !usedOld.has(table.name)),
  };
}

/** Changes that take whole tables, with the names of these. */
function restructurings({ splits, merges, sliced }: Pick<Layout, 'splits' | 'merges' | 'sliced'>) {
  const names = (tables: readonly Table[]) => tables.map((one) => one.name);
  return [
    ...splits.map(({ change, old, parts }) => ({
      changes: [change],
      olds: [old.name],
      news: names(parts.map(({ pair }) => pair.new)),
    })),
    ...merges.map(({ change, pairs }) => ({
      changes: [change],
      olds: names(pairs.map((pair) => pair.old)),
      news: names(pairs.map((pair) => pair.new)),
    })),
    ...sliced.map(({ changes, olds, news }) => ({ changes, olds: names(olds), news: names(news) })),
  ];
}

interface Releases {
  readonly from: Catalog;
  readonly to: Catalog;
  readonly evolution: Evolution;
  readonly types: TypesOfBoth;
}

function splitLayout({ from, to, evolution, types }: Releases, change: SplitTable): SplitLayout {
  const old = assertFound(findTable(from, change.table), evolution, change.at, change.table);
  return {
    change,
    old,
    parts: change.into.map((part) => {
      const target = assertFound(findTable(to, part.table), evolution, part.at, part.table);
      return { part, pair: pairTables({ old, target, evolution, types, key: part.key ?? {} }) };
    }),
  };
}

function mergeLayout({ from, to, evolution, types }: Releases, change: MergeTables): MergeLayout {
  const target = assertFound(findTable(to, change.into), evolution, change.at, change.into);
  const pairs = change.from.map(({ table, key, at }) => {
    const old = assertFound(findTable(from, table), evolution, at, table);
    const swapped = Object.entries(key ?? {}).map(([own, column]) => [column, own] as const);
    return pairTables({ old, target, evolution, types, key: Object.fromEntries(swapped) });
  });
  return { change, pairs };
}

function slicedLayouts(
  { from, to, evolution, types }: Releases,
  keys: readonly KeyMap[],
): SlicedLayout[] {
  const groups = groupsOf(evolution);
  const touched = new Set(groups.flatMap(({ olds, news }) => [...olds, ...news]));
  const isUntouched = (old: Table) => {
    const target = findTable(to, renamedTo(evolution.changes, old.name));
    if (target === undefined || touched.has(old.name)) return false;
    return isUnchanged(pairTables({ old, target, evolution, types, key: {} }));
  };
  const untouched = new Set(from.tables.filter(isUntouched).map((old) => old.name));
  return groups.map(({ changes, olds: oldNames, news: newNames }) => {
    const at = changes[0]?.at ?? { line: 1, column: 1 };
    const olds = oldNames.map((one) => assertFound(findTable(from, one), evolution, at, one));
    const news = newNames.map((one) => assertFound(findTable(to, one), evolution, at, one));
    const pairsOf = (old: Table, target: Table) =>
      pairTables({ old, target, evolution, types, key: {} });
    const pairs = news.map((target) => {
      const same = olds.find((one) => renamedTo(evolution.changes, one.name) === target.name);
      return pairsOf(same ?? nearest(olds, target), target);
    });
    return { changes, olds, news, pairs, pairsOf, bases: types.bases, untouched, keys };
  });
}

/** Of the same name, else with the most columns of the same name. */
function nearest(olds: readonly Table[], target: Table): Table {
  const shared = (old: Table) =>
    old.columns.filter((column) => findColumn(target, column.name) !== undefined).length;
  const [first] = [...olds].sort((left, right) => shared(right) - shared(left));
  return olds.find((old) => old.name === target.name) ?? (first as Table);
}

/** Two tables on their way to a pair. */
interface Pairing {
  readonly old: Table;
  readonly target: Table;
  readonly evolution: Evolution;
  readonly types: TypesOfBoth;
  /** New key column → old key column, where that is stated. */
  readonly key: Readonly<Record<string, string>>;
}

function pairTables(pairing: Pairing): PairedTable {
  const { old, target, types } = pairing;
  return {
    old,
    new: target,
    bases: types.bases,
    forward: target.columns.map((column) => forwardColumn(pairing, column)),
    backward: old.columns.map((column) => backwardColumn(pairing, column)),
  };
}

function forwardColumn(pairing: Pairing, column: Column): ForwardColumn {
  const { old, target, evolution, types, key } = pairing;
  const unchanged = (source: string): ForwardColumn => {
    const found = findColumn(old, source);
    if (found === undefined) return { column, up: null, source: null };
    const isSame = isSameType(found, column);
    return { column, up: takenOver(found, column, types, 'up'), source: isSame ? source : null };
  };
  if (key[column.name] !== undefined) return unchanged(key[column.name] as string);
  for (const change of evolution.changes) {
    if (change.kind === 'rename_column' && change.table === old.name && change.to === column.name) {
      return unchanged(change.column);
    }
    if (change.kind === 'convert_column' && change.table === old.name) {
      const up = change.up[column.name];
      const { keep: isKept = false } = change;
      if (up !== undefined) return { column, up: up.sql, source: null, stated: up, isKept };
    }
    if (
      change.kind === 'add_column' &&
      change.table === target.name &&
      change.column === column.name
    ) {
      const { up, keep: isKept = false } = change;
      return { column, up: up.sql, source: null, stated: up, isKept };
    }
  }
  const isTaken = renamesAway(evolution, old.name).has(column.name);
  if (findColumn(old, column.name) !== undefined && !isTaken) return unchanged(column.name);
  return { column, up: null, source: null };
}

function backwardColumn(pairing: Pairing, column: Column): BackwardColumn {
  const { old, target, evolution, types, key } = pairing;
  const unchanged = (source: string): BackwardColumn => {
    const found = findColumn(target, source);
    if (found === undefined) return { column, down: null, source: null };
    const isSame = isSameType(found, column);
    return {
      column,
      down: takenOver(found, column, types, 'down'),
      source: isSame ? source : null,
    };
  };
  const fromKey = Object.entries(key).find(([, source]) => source === column.name);
  if (fromKey !== undefined) return unchanged(fromKey[0]);
  for (const change of evolution.changes) {
    if (
      change.kind === 'rename_column' &&
      change.table === old.name &&
      change.column === column.name
    ) {
      return unchanged(change.to);
    }
    if (change.kind === 'convert_column' && change.table === old.name) {
      const down = change.down[column.name];
      const isHere = change.to.some((to) => findColumn(target, to) !== undefined);
      if (down !== undefined && isHere) {
        return { column, down: down.sql, source: null, stated: down };
      }
      if (down !== undefined) return { column, down: null, source: null };
    }
    if (
      change.kind === 'drop_column' &&
      change.table === old.name &&
      change.column === column.name
    ) {
      return { column, down: change.down.sql, source: null, stated: change.down };
    }
  }
  const isOther = arrivals(evolution, old.name, target.name).has(column.name);
  return isOther ? { column, down: null, source: null } : unchanged(column.name);
}

/** Old column names that mean something else, or nothing, in the new release. */
function renamesAway(evolution: Evolution, table: string): Set<string> {
  return new Set(
    evolution.changes.flatMap((change) => {
      if (change.kind === 'rename_column' && change.table === table) return [change.column];
      if (change.kind === 'convert_column' && change.table === table) return change.columns;
      if (change.kind === 'drop_column' && change.table === table) return [change.column];
      return [];
    }),
  );
}

/** New column names that come from elsewhere than an old column of the same name. */
function arrivals(evolution: Evolution, table: string, target: string): Set<string> {
  return new Set(
    evolution.changes.flatMap((change) => {
      if (change.kind === 'rename_column' && change.table === table) return [change.to];
      if (change.kind === 'convert_column' && change.table === table) return change.to;
      if (change.kind === 'add_column' && change.table === target) return [change.column];
      return [];
    }),
  );
}
