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
import type { Check, Column, Index, Key, Table } from '../release/catalog.js';
import { columnsOf } from '../release/expression.js';
import type { ForwardColumn, PairedTable } from './layout.js';

export type Crossing = 'same' | 'native' | 'overlay' | 'rebuilt';

export function crossingOf(pair: PairedTable): Crossing {
  if (JSON.stringify(pair.old) === JSON.stringify(pair.new)) return 'same';
  if (rebuildReason(pair) !== null) return 'rebuilt';
  return isNative(pair) ? 'native' : 'overlay';
}

/** Why the table has to be copied, in words; null when one physical table serves both releases. */
export function rebuildReason(pair: PairedTable): string | null {
  const computed = pair.forward.find((one) => one.up !== null && one.source === null);
  if (computed !== undefined) return `column ${computed.column.name} is computed`;
  const derived = pair.backward.find(
    (one) => one.down !== null && one.source === null && !isConstant(one.down),
  );
  if (derived !== undefined) return `column ${derived.column.name} of the old release is computed`;
  const generated = pair.new.columns.find((column) => generatedDiffers(pair, column));
  if (generated !== undefined) return `column ${generated.name} is generated differently`;
  const unique = newUniques(pair)[0];
  if (unique !== undefined) return `unique key ${unique} is new`;
  return null;
}

/** Columns that only the new release knows. */
export function addedColumns(pair: PairedTable): Column[] {
  return pair.forward.filter((one) => one.up === null).map((one) => one.column);
}

/** Columns that only the old release knows. */
export function droppedColumns(pair: PairedTable): Column[] {
  return pair.backward.filter((one) => one.source === null).map((one) => one.column);
}

/** Columns of both releases that have another name in each. */
export function renamedColumns(pair: PairedTable): ForwardColumn[] {
  return pair.forward.filter((one) => one.source !== null && one.source !== one.column.name);
}

/** Old column name of each new column that exists in both. */
export function physicalName(pair: PairedTable, column: string): string {
  return pair.forward.find((one) => one.column.name === column)?.source ?? column;
}

/** Checks of the new release that the old one does not have. */
export function addedChecks(pair: PairedTable): Check[] {
  const renamed = (check: Check) =>
    check.columns.some((column) => physicalName(pair, column) !== column);
  return pair.new.checks.filter(
    (check) =>
      renamed(check) || !pair.old.checks.some((one) => one.expression === check.expression),
  );
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

/** Whether every column of an index is plain, so that it can be named in either release's words. */
function isPlainIndex(index: Index): boolean {
  return (
    index.columns.every((column) => column !== null) &&
    index.mentions.length === index.columns.length &&
    !/ (WHERE|INCLUDE) /i.test(index.definition)
  );
}

/** The index in the column names of the physical table; null when it cannot be said. */
export function physicalDefinition(pair: PairedTable, index: Index): string | null {
  if (index.mentions.every((column) => physicalName(pair, column) === column)) {
    return index.definition;
  }
  if (!isPlainIndex(index)) return null;
  const columns = index.columns.map((column) => physicalName(pair, column ?? ''));
  const method = index.definition.split(' ')[0] ?? 'btree';
  return `${method} (${columns.map((column) => `"${column.replaceAll('"', '""')}"`).join(', ')})`;
}

/** Indexes of the new release that the physical table lacks. */
export function addedIndexes(pair: PairedTable): Index[] {
  return pair.new.indexes.filter(
    (index) => !pair.old.indexes.some((one) => isSameIndex(pair, one, index)),
  );
}

export function droppedIndexes(pair: PairedTable): Index[] {
  return pair.old.indexes.filter(
    (index) => !pair.new.indexes.some((one) => isSameIndex(pair, index, one)),
  );
}

/** Indexes that both releases have, under different names. */
export function renamedIndexes(
  pair: PairedTable,
): { readonly from: string; readonly to: string }[] {
  return pair.new.indexes.flatMap((index) => {
    const old = pair.old.indexes.find((one) => isSameIndex(pair, one, index));
    return old === undefined || old.name === index.name ? [] : [{ from: old.name, to: index.name }];
  });
}

function isSameIndex(pair: PairedTable, old: Index, other: Index): boolean {
  if (old.isUnique !== other.isUnique) return false;
  if (
    old.definition === other.definition &&
    old.mentions.every((one) => physicalName(pair, one) === one)
  ) {
    return true;
  }
  return (
    isPlainIndex(old) &&
    isPlainIndex(other) &&
    old.columns.length === other.columns.length &&
    other.columns.every((column, place) => physicalName(pair, column ?? '') === old.columns[place])
  );
}

/** Primary and unique keys and unique indexes that the old table does not have in this form. */
function newUniques(pair: PairedTable): string[] {
  const before = keysOf(pair.old);
  const keys = keysOf(pair.new).filter((key) => !before.some((one) => isSameKey(pair, one, key)));
  const indexes = addedIndexes(pair).filter((index) => index.isUnique);
  return [...keys, ...indexes].map((one) => one.name);
}

export function keysOf(table: Table): Key[] {
  return [table.primaryKey, ...table.uniques].filter((key) => key !== null);
}

export function isSameKey(pair: PairedTable, old: Key, key: Key): boolean {
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
  if (old === undefined) return false;
  const isSame = old.generated === column.generated && old.generatedKind === column.generatedKind;
  return !isSame || columnsOf(column.generated).some((one) => physicalName(pair, one) !== one);
}

function isNative(pair: PairedTable): boolean {
  const count = pair.old.columns.length;
  const isPrefix = pair.new.columns
    .slice(0, count)
    .every((column, index) => JSON.stringify(column) === JSON.stringify(pair.old.columns[index]));
  return (
    pair.old.name === pair.new.name &&
    isPrefix &&
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
