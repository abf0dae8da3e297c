// merge_tables: several tables that share a key into one.
//
// base(k, a) · beside(k, b) ⇄ new(k, a, b)
//
// The new table has a row for every row of the base. A table beside it may have none: then the new
// columns that it would feed hold what `otherwise` says, and the other way round it has a row where
// `when` holds for the new one. It is the mirror of a split, and is compiled as one: a cluster
// whose one part follows from the old tables joined (old-side.ts).

import { assigned } from '../compile/assigned.js';
import type { BackwardColumn, ForwardColumn, MergeLayout, PairedTable } from '../compile/layout.js';
import { refuse } from '../compile/refuse.js';
import type { BaseTypes } from '../release/base-type.js';
import { type Column, findColumn, hasKey, type Table } from '../release/catalog.js';
import type { Evolution, MergedTable, MergeTables } from '../release/evolution.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { name, type Sql, trusted } from '../sql.js';
import { isConstant } from './expression-shape.js';
import { assertNothingKept } from './kept.js';
import { joinedOldSide, type OldSide, type OldSource } from './old-side.js';
import { type Absent, type KeyPair, keyPairs, type Part, partOf } from './part.js';
import { clusterOf, type SplitCluster } from './split-table.js';

export function mergedCluster({ change, pairs }: MergeLayout, evolution: Evolution): SplitCluster {
  const [base, ...others] = pairs as [PairedTable, ...PairedTable[]];
  assertNothingKept(pairs, evolution);
  const declaredBase = declaredKey(change.from[0] as MergedTable);
  const key = keyPairs(base, declaredBase, null, evolution);
  const old = { table: base.old, key: key.map((one) => one.old) };
  const beside = others.map((pair, index) => {
    const declared = change.from[index + 1] as MergedTable;
    return {
      table: pair.old,
      key: keyOf(pair, declared, { base, key, evolution }),
      when: declared.when?.sql ?? whenOf(pair),
      isWhenInferred: declared.when === null,
    };
  });
  const side = joinedOldSide(old, beside);
  const merge: Merge = { change, side, pairs, key, evolution };
  const pair = joinedPair(merge);
  const part: Part = {
    ...partOf(pair, declaredBase, null, evolution),
    absent: absentValues(merge, pair),
    isJoined: true,
  };
  return clusterOf(side, [part], null, evolution);
}

interface Merge {
  readonly change: MergeTables;
  readonly side: OldSide;
  readonly pairs: readonly PairedTable[];
  readonly key: readonly KeyPair[];
  readonly evolution: Evolution;
}

/** The base as a part of itself, for whoever looks for its key. */
function declaredKey({ key, at, table }: MergedTable) {
  const swapped = key === null ? null : Object.entries(key).map(([own, column]) => [column, own]);
  return {
    at,
    table,
    key: swapped === null ? null : Object.fromEntries(swapped),
    when: null,
    otherwise: {},
    generate: [],
  };
}

interface KeyContext {
  readonly base: PairedTable;
  readonly key: readonly KeyPair[];
  readonly evolution: Evolution;
}

/** As stated, else by the foreign key to the base, else by the primary key. */
function keyOf(
  { old }: PairedTable,
  declared: MergedTable,
  { base, key, evolution }: KeyContext,
): string[] {
  const stated = Object.entries(declared.key ?? {});
  const toBase = old.foreignKeys.find(
    (one) => one.referencedTable === base.old.name && isUnique(old, one.columns),
  );
  const own = key.map((one, place) => {
    if (declared.key !== null) return stated.find(([, column]) => column === one.new.name)?.[0];
    if (toBase !== undefined) return toBase.columns[toBase.referencedColumns.indexOf(one.old)];
    return old.primaryKey?.columns[place];
  });
  const isSameType = own.every((column, place) => {
    const found = old.columns.find((one) => one.name === column);
    return found !== undefined && found.type === key[place]?.new.type;
  });
  const columns = own.filter((column) => column !== undefined);
  if (columns.length === key.length && isSameType && isUnique(old, columns)) {
    assertNeverAlone(old, columns, { base, key, evolution }, declared);
    return columns;
  }
  const [first] = key;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `table ${old.name} has no unique key that stands for ` +
      `${base.new.name}(${key.map((one) => one.new.name).join(', ')}) with the same types`,
    hint:
      `state it: ${old.name}: { key: { <column of ${old.name}>: ${first?.new.name} } }, ` +
      'and make it a primary or unique key that is not deferrable and not null',
    at: declared.at,
  });
}

/** A row without one of the base would have no row in the new table. */
function assertNeverAlone(
  old: Table,
  columns: readonly string[],
  { base, key, evolution }: KeyContext,
  declared: MergedTable,
): void {
  const refers = old.foreignKeys.some(
    (one) =>
      one.referencedTable === base.old.name &&
      one.columns.length === columns.length &&
      columns.every(
        (column, place) => one.referencedColumns[one.columns.indexOf(column)] === key[place]?.old,
      ),
  );
  if (refers) return;
  const [from, to] = [
    `${old.name} (${columns})`,
    `${base.old.name} (${key.map((one) => one.old)})`,
  ];
  throw refuse(evolution, {
    code: 'EVOLUTION_UNSUPPORTED',
    message:
      `table ${old.name} may have rows without one of ${base.old.name}, ` +
      `which would have none in ${base.new.name}: it has no foreign key to it`,
    hint: `add a foreign key from ${from} to ${to} in a release before this one`,
    at: declared.at,
  });
}

function isUnique(table: Table, columns: readonly string[]): boolean {
  return hasKey(table, columns) && columns.every((one) => findColumn(table, one)?.notNull === true);
}

/**
 * A row that would lack what the table requires is no row there: the new columns that may be null
 * and feed columns that may not.
 */
export function whenOf({ old, new: target, backward }: PairedTable): string | null {
  const needed = backward.flatMap(({ column, source }) => {
    const required = old.columns.find((one) => one.name === column.name)?.notNull === true;
    const fed = target.columns.find((one) => one.name === source);
    return required && fed !== undefined && !fed.notNull
      ? [`${name(fed.name).text} is not null`]
      : [];
  });
  return needed.length === 0 ? null : needed.join(' and ');
}

/** The new table and the old ones joined, as if they were two tables. */
function joinedPair(merge: Merge): PairedTable {
  const { side, pairs } = merge;
  const [base] = pairs as [PairedTable];
  return {
    old: side.table,
    new: base.new,
    bases: base.bases,
    forward: base.new.columns.map((_, index) => forwardColumn(merge, index)),
    backward: side.sources.flatMap((source, index) =>
      (pairs[index]?.backward ?? []).flatMap((one): BackwardColumn[] => {
        const called = source.names.get(one.column.name);
        return called === undefined ? [] : [{ ...one, column: { ...one.column, name: called } }];
      }),
    ),
  };
}

/** From the one old table that has it. */
function forwardColumn(merge: Merge, index: number): ForwardColumn {
  const { side, pairs, key, evolution, change } = merge;
  const column = pairs[0]?.forward[index]?.column as Column;
  const isKey = key.some((one) => one.new.name === column.name);
  const found = pairs.flatMap((pair, place) => {
    const one = pair.forward[index] as ForwardColumn;
    const source = side.sources[place] as OldSource;
    if (one.up === null || (isKey && place > 0)) return [];
    const known = columnsOf(one.up).every((mentioned) => source.names.has(mentioned));
    return known ? [{ one, source }] : [];
  });
  const [first, second] = found;
  if (first === undefined) return { column, up: null, source: null };
  if (second !== undefined) {
    const [left, right] = [first.source.table.name, second.source.table.name];
    throw refuse(evolution, {
      code: 'EVOLUTION_INCOMPLETE',
      message: `column ${change.into}.${column.name} could come from ${left} or from ${right}`,
      hint:
        'say what becomes of the other one: - rename_column or drop_column: ' +
        `{ table: ${right}, column: ${column.name}, … }`,
      at: change.at,
    });
  }
  const { one, source } = first;
  const rebound = (text: string) =>
    source.isBase
      ? text
      : bindColumns(text, (mentioned) => ({
          qualifier: null,
          column: source.names.get(mentioned) ?? mentioned,
        }));
  return {
    column,
    up: rebound(one.up as string),
    source: one.source === null ? null : (source.names.get(one.source) ?? null),
    ...(one.said === undefined ? {} : { said: rebound(one.said) }),
  };
}

/** What the new columns hold while the table that feeds them has no row. */
function absentValues(merge: Merge, pair: PairedTable): Map<string, Absent> {
  const { side, change, evolution } = merge;
  const absent = new Map<string, Absent>();
  side.sources.forEach((source, index) => {
    if (source.presence === null) return;
    const own = new Set(source.names.values());
    const declared = change.from[index] as MergedTable;
    for (const one of pair.forward) {
      if (one.up === null || !columnsOf(one.up).some((mentioned) => own.has(mentioned))) continue;
      const value = valueWithoutRow({ change, evolution, declared, bases: pair.bases }, one);
      if (value !== null) absent.set(one.column.name, { presence: source.presence, value });
    }
  });
  return absent;
}

interface Lacking {
  readonly change: MergeTables;
  readonly evolution: Evolution;
  /** The table that has no row. */
  readonly declared: MergedTable;
  readonly bases: BaseTypes;
}

/** What a column of the new table holds then; null where the missing row gives null by itself. */
export function valueWithoutRow(
  { evolution, change, declared, bases }: Lacking,
  { column, source }: ForwardColumn,
): Sql | null {
  const constant = (text: string) => assigned(trusted(text), column, bases);
  const stated = declared.otherwise[column.name];
  if (stated !== undefined) return constant(stated.sql);
  if (!column.notNull) return source === null ? trusted(`null::${column.type}`) : null;
  if (column.default !== null && isConstant(column.default)) return constant(column.default);
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${change.into}.${column.name} is not null, and nothing says ` +
      `what the new release reads there while ${declared.table} has no row`,
    hint: `state it: ${declared.table}: { otherwise: { ${column.name}: <constant> } }`,
    at: declared.at,
  });
}
