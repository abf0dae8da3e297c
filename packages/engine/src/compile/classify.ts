// How each pair of tables crosses: same, native, overlay or rebuilt (DESIGN section 5).
//
// | kind    | when                                                                  | cost      |
// |---------|-----------------------------------------------------------------------|-----------|
// | same    | nothing differs                                                       | none      |
// | native  | columns were only appended; the old release never sees their rules    | catalogue |
// | overlay | names, defaults, order, nullability, checks differ; values do not     | a view    |
// | rebuilt | a value is computed, a type or key changes, a unique key is added     | a copy    |
//
// Computed columns could live beside the old ones in one table (pgroll does so). They do not,
// because filling them rewrites every row of the table that the release in the field works on,
// changes what its `select *` returns, and fires its triggers; a copy costs the same writes and
// none of that.

import { isConstant } from '../changes/expression-shape.js';
import { generatedName } from '../names.js';
import type { Catalog, Check, Column, Exclusion, Index, Key, Table } from '../release/catalog.js';
import { findColumn } from '../release/catalog.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { bindIndex } from '../release/index-definition.js';
import { elementOf, isApart } from '../release/types-apart.js';
import { isSameExclusion } from './exclusions.js';
import { definitionOf, type ForwardColumn, isUnchanged, type PairedTable } from './layout.js';

export type Crossing = 'same' | 'native' | 'overlay' | 'rebuilt';

export function crossingOf(pair: PairedTable): Crossing {
  if (isUnchanged(pair)) return 'same';
  if (rebuildReason(pair) !== null) return 'rebuilt';
  return isNative(pair) ? 'native' : 'overlay';
}

/** Why the table has to be copied, in words; null when one physical table serves both releases. */
export function rebuildReason(pair: PairedTable): string | null {
  const computed = pair.forward.find((one) => one.up !== null && one.source === null);
  if (computed?.lookup === 'key') {
    return `column ${computed.column.name} refers to a row for each value`;
  }
  if (computed?.lookup === 'value') {
    return `column ${computed.column.name} holds what was referred to`;
  }
  if (computed !== undefined && hasOwnType(pair, computed)) {
    return `column ${computed.column.name} is of type ${computed.column.type}, which changes`;
  }
  if (computed !== undefined) return `column ${computed.column.name} is computed`;
  const derived = pair.backward.find(
    (one) => one.down !== null && one.source === null && !isConstant(one.down),
  );
  if (derived !== undefined) return `column ${derived.column.name} of the old release is computed`;
  const generated = pair.new.columns.find((column) => generatedDiffers(pair, column));
  if (generated !== undefined) return `column ${generated.name} is generated differently`;
  const unique = newUniques(pair)[0];
  if (unique !== undefined) return `unique key ${unique} is new`;
  const [exclusion] = matchedExclusions(pair).added;
  if (exclusion !== undefined) return `exclusion constraint ${exclusion.name} is new`;
  return null;
}

/** Whether nothing is stated of the column, and each release has its type in its own form. */
export function hasOwnType({ old }: PairedTable, { up, stated }: ForwardColumn): boolean {
  if (up === null || stated !== undefined) return false;
  const source = findColumn(old, columnsOf(up)[0] ?? '');
  return source !== undefined && isApart(elementOf(source.type));
}

/** Columns that only the new release knows. */
export function addedColumns(pair: PairedTable): Column[] {
  return pair.forward.filter((one) => one.up === null).map((one) => one.column);
}

/** Columns that only the old release knows. */
export function droppedColumns(pair: PairedTable): Column[] {
  return pair.backward.filter((one) => one.source === null).map((one) => one.column);
}

/** Columns that the old release writes, and PostgreSQL computes in the new one. */
export function computedAnew(pair: PairedTable): Column[] {
  return pair.backward.flatMap(({ column, source }) => {
    const isComputed = source !== null && findColumn(pair.new, source)?.generated != null;
    return isComputed && column.generated === null ? [column] : [];
  });
}

/** Columns of both releases that have another name in each. */
export function renamedColumns(pair: PairedTable): ForwardColumn[] {
  return pair.forward.filter((one) => one.source !== null && one.source !== one.column.name);
}

/**
 * The new release's columns as they stand on the one physical table: those of the old release where
 * they are, and then those that have come. PostgreSQL moves no column of a table that is there.
 */
export function standingColumns(pair: PairedTable): readonly Column[] {
  const place = new Map(pair.old.columns.map((column, index) => [column.name, index]));
  const placeOf = ({ source }: ForwardColumn) => place.get(source ?? '') ?? place.size;
  return [...pair.forward]
    .sort((left, right) => placeOf(left) - placeOf(right))
    .map((one) => one.column);
}

/** Old column name of each new column that exists in both. */
export function physicalName(pair: PairedTable, column: string): string {
  return pair.forward.find((one) => one.column.name === column)?.source ?? column;
}

/** What two releases have of one kind: what is the same in both, and what only one has. */
export interface Matched<Item> {
  readonly pairs: readonly { readonly old: Item; readonly new: Item }[];
  readonly gone: readonly Item[];
  readonly added: readonly Item[];
}

/** One with one: of several that are the same, those of the same name belong together. */
export function matched<Item extends { readonly name: string }>(
  old: readonly Item[],
  items: readonly Item[],
  isSame: (old: Item, other: Item) => boolean,
): Matched<Item> {
  const free = new Set(old);
  const found = new Map<Item, Item>();
  for (const isAllowed of [hasSameName, () => true]) {
    for (const item of items) {
      if (found.has(item)) continue;
      const one = [...free].find((other) => isAllowed(other, item) && isSame(other, item));
      if (one === undefined) continue;
      free.delete(one);
      found.set(item, one);
    }
  }
  return {
    pairs: [...found].map(([item, one]) => ({ old: one, new: item })),
    gone: [...free],
    added: items.filter((item) => !found.has(item)),
  };
}

function hasSameName(one: { readonly name: string }, other: { readonly name: string }): boolean {
  return one.name === other.name;
}

/** Checks, whatever their columns are called in each release. */
export function matchedChecks(pair: PairedTable): Matched<Check> {
  const said = (check: Check, column: (name: string) => string) =>
    bindColumns(check.expression, (one) => ({ qualifier: null, column: column(one) }));
  return matched(
    pair.old.checks,
    pair.new.checks,
    (old, other) =>
      old.columns.length === other.columns.length &&
      said(old, (one) => one) === said(other, (one) => physicalName(pair, one)),
  );
}

/** Checks of the new release that the old one does not have. */
export function addedChecks(pair: PairedTable): readonly Check[] {
  return matchedChecks(pair).added;
}

/** Columns of both releases that may be null in the old one only. */
export function tightenedColumns(pair: PairedTable): Column[] {
  return pair.forward
    .filter(({ column, source }) => {
      const old = pair.old.columns.find((one) => one.name === source);
      return column.notNull && old !== undefined && !old.notNull;
    })
    .map((one) => one.column);
}

/** The index in the column names of the physical table. */
export function physicalDefinition(pair: PairedTable, index: Index): string {
  return mentionsRenamed(pair, index)
    ? bindIndex(index.definition, (column) => physicalName(pair, column))
    : index.definition;
}

function mentionsRenamed(pair: PairedTable, { mentions }: Index): boolean {
  return mentions.some((column) => physicalName(pair, column) !== column);
}

export function matchedIndexes(pair: PairedTable): Matched<Index> {
  return matched(
    pair.old.indexes,
    pair.new.indexes,
    (old, other) =>
      old.isUnique === other.isUnique &&
      (mentionsRenamed(pair, other)
        ? bindIndex(old.definition, (one) => one) === physicalDefinition(pair, other)
        : old.definition === other.definition),
  );
}

/** Indexes of the new release that the physical table lacks. */
export function addedIndexes(pair: PairedTable): readonly Index[] {
  return matchedIndexes(pair).added;
}

/** What an index of the new release is called on the physical table until contract. */
export function physicalIndexName(from: Catalog, { name }: Index): string {
  const isTaken =
    from.sequences.some((one) => one.name === name) ||
    from.tables.some((table) =>
      [table, ...keysOf(table), ...table.exclusions, ...table.indexes].some(
        (one) => one.name === name,
      ),
    );
  return isTaken ? generatedName('halflap', name) : name;
}

/** Primary and unique keys and unique indexes that the old table does not have in this form. */
function newUniques(pair: PairedTable): string[] {
  const indexes = addedIndexes(pair).filter((index) => index.isUnique);
  return [...matchedKeys(pair).added, ...indexes].map((one) => one.name);
}

export function matchedKeys(pair: PairedTable): Matched<Key> {
  return matched(keysOf(pair.old), keysOf(pair.new), (old, key) => isSameKey(pair, old, key));
}

export function matchedExclusions(pair: PairedTable): Matched<Exclusion> {
  return matched(pair.old.exclusions, pair.new.exclusions, (old, other) =>
    isSameExclusion(old, other, (column) => physicalName(pair, column)),
  );
}

export function keysOf(table: Table): Key[] {
  return [table.primaryKey, ...table.uniques].filter((key) => key !== null);
}

function isSameKey(pair: PairedTable, old: Key, key: Key): boolean {
  // What stands around the list of columns: PRIMARY KEY, NULLS NOT DISTINCT, INCLUDE, DEFERRABLE.
  const form = ({ definition }: Key) => definition.replace(/ \((?:[^()"]|"(?:[^"]|"")*")*\)/, '');
  return (
    old.columns.length === key.columns.length &&
    key.columns.every((column, index) => physicalName(pair, column) === old.columns[index]) &&
    form(old) === form(key)
  );
}

function generatedDiffers(pair: PairedTable, column: Column): boolean {
  const source = pair.forward.find((one) => one.column.name === column.name)?.source;
  const old = pair.old.columns.find((one) => one.name === source);
  if (column.generated === null) return old !== undefined && old.generated !== null;
  // In a table that is in use, it would rewrite every row.
  if (old === undefined) return true;
  const isSame = old.generated === column.generated && old.generatedKind === column.generatedKind;
  return !isSame || columnsOf(column.generated).some((one) => physicalName(pair, one) !== one);
}

function isNative(pair: PairedTable): boolean {
  const count = pair.old.columns.length;
  const isPrefix = pair.new.columns.slice(0, count).every((column, index) => {
    const old = pair.old.columns[index];
    return old !== undefined && definitionOf(column) === definitionOf(old);
  });
  return (
    pair.old.name === pair.new.name &&
    isPrefix &&
    renamedColumns(pair).length === 0 &&
    pair.new.columns.length >= count &&
    addedChecks(pair).length === 0 &&
    addedColumns(pair).every((column) => !column.notNull || column.default !== null)
  );
}

/** Whether a default is evaluated once when the column is added, so that no row is rewritten. */
export function isStable(expression: string): boolean {
  return (
    isConstant(expression) ||
    /^(now\(\)|current_timestamp|current_date|transaction_timestamp\(\)|'[^']*'::[a-z ]+)$/i.test(
      expression,
    )
  );
}
