// Whether every name in an evolution exists in the release it belongs to (the naming rule at the
// top of evolution.ts), the columns that expressions mention included.

import type { Catalog } from './catalog.js';
import { findColumn, findTable } from './catalog.js';
import {
  type AddColumn,
  type Change,
  type ConvertColumn,
  type CustomTable,
  type DropColumn,
  type Evolution,
  isQuery,
  type KeyMap,
  type LookupChange,
  type MergeTables,
  type MoveColumn,
  type NestTable,
  type RekeyTable,
  type RenameColumn,
  type SlicedChange,
  type SplitPart,
  type SplitTable,
  type StatedQuery,
  type UnnestColumn,
} from './evolution.js';
import { checkPolicies } from './evolution-dirty-names.js';
import { newTablesOf, oldTablesOf, renamedFrom, renamedTo } from './evolution-tables.js';
import { refuseFindings } from './findings.js';
import { checkLabel } from './label-names.js';
import {
  type Context,
  checkShare,
  placeOf,
  report,
  requireColumn,
  requireMentions,
  requireTable,
  type Scope,
  type Side,
  scopeOf,
} from './name-scope.js';
import { didYouMean } from './suggest.js';

/**
 * Needs loadParser() to have been called.
 * @throws EVOLUTION_UNKNOWN_NAME with every finding as evidence, in the order of the file.
 */
export function checkNames(evolution: Evolution, from: Catalog, to: Catalog): void {
  const context: Context = {
    evolution,
    from: { which: 'old', version: evolution.from, catalog: from },
    to: { which: 'new', version: evolution.to, catalog: to },
    findings: [],
  };
  for (const one of evolution.keys) checkKeyMap(context, one);
  for (const change of evolution.changes) checkChange(context, change);
  checkPolicies(context);
  refuseFindings(context.findings, evolution.file);
}

function checkChange(context: Context, change: Change): void {
  switch (change.kind) {
    case 'rename_table':
      requireTable(context, context.from, change.table, placeOf(change, 'table'));
      requireTable(context, context.to, change.to, placeOf(change, 'to'));
      break;
    case 'rename_column':
      checkRenamedColumn(context, change);
      break;
    case 'convert_column':
      checkConvertedColumn(context, change);
      break;
    case 'add_column':
      checkAddedColumn(context, change);
      break;
    case 'drop_column':
      checkDroppedColumn(context, change);
      break;
    case 'split_table':
      checkSplit(context, change);
      break;
    case 'merge_tables':
      checkMerge(context, change);
      break;
    case 'extract_table':
    case 'inline_table':
      checkLookup(context, change);
      break;
    case 'rekey_table': {
      const old = requireTable(context, context.from, change.table, placeOf(change, 'table'));
      if (old === null) break;
      const successors = requireSuccessors(context, change);
      for (const column of change.columns) {
        requireColumn(context, successors, column, placeOf(change, `column.${column}`));
      }
      break;
    }
    case 'rename_label':
      checkLabel(context, change);
      break;
    default:
      checkSliced(context, change);
  }
}

function checkSliced(context: Context, change: SlicedChange): void {
  const { from, to } = context;
  switch (change.kind) {
    case 'custom':
      for (const one of change.from) checkCustom(context, one, [from, to]);
      for (const one of change.into) checkCustom(context, one, [to, from]);
      break;
    case 'unnest_column':
    case 'nest_table':
      checkNesting(context, change);
      break;
    case 'partition_rows':
      requireTable(context, from, change.table, placeOf(change, 'table'));
      for (const one of change.into)
        checkShare(context, one, [to, one.table], [from, change.table]);
      break;
    case 'unite_tables':
      requireTable(context, to, change.into, placeOf(change, 'into'));
      for (const one of change.from) checkShare(context, one, [from, one.table], [to, change.into]);
      break;
    case 'move_column':
      checkMoved(context, change);
      break;
    default:
      change satisfies never;
  }
}

function checkLookup(context: Context, change: LookupChange): void {
  const { evolution, from, to } = context;
  const isExtract = change.kind === 'extract_table';
  const [flatSide, lookupSide] = isExtract ? [from, to] : [to, from];
  const [flatKey, lookupKey] = isExtract
    ? (['table', 'into'] as const)
    : (['into', 'table'] as const);
  const lookup = requireTable(context, lookupSide, change[lookupKey], placeOf(change, lookupKey));
  const flat = requireTable(context, flatSide, change[flatKey], placeOf(change, flatKey));
  for (const [column, other] of Object.entries(change.values)) {
    const key = isExtract ? other : column;
    const places = [placeOf(change, `columns.${key}`), placeOf(change, `columns=${key}`)] as const;
    const [otherAt, columnAt] = isExtract ? places : [places[1], places[0]];
    if (lookup !== null) requireColumn(context, scopeOf(lookupSide, lookup), column, columnAt);
    if (flat !== null) requireColumn(context, scopeOf(flatSide, flat), other, otherAt);
  }
  if (flat === null) return;
  const renamed = isExtract ? renamedTo : renamedFrom;
  const called = renamed(evolution.changes, flat.name);
  const rows = requireTable(context, lookupSide, called, placeOf(change, flatKey));
  if (rows === null) return;
  requireColumn(context, scopeOf(lookupSide, rows), change.reference, placeOf(change, 'reference'));
}

/** The flat table, that of the rows, and the one to which they belong. */
function checkNesting(context: Context, change: UnnestColumn | NestTable): void {
  const { evolution, from, to } = context;
  const isUnnest = change.kind === 'unnest_column';
  const [flatKey, rowsKey] = isUnnest ? ['table', 'into'] : ['into', 'table'];
  const [flatSide, rowsSide] = isUnnest ? [from, to] : [to, from];
  const flatName = isUnnest ? change.table : change.into;
  const flat = requireTable(context, flatSide, flatName, placeOf(change, flatKey));
  const rowsName = isUnnest ? change.into : change.table;
  const rows = requireTable(context, rowsSide, rowsName, placeOf(change, rowsKey));
  const parentName = (isUnnest ? renamedTo : renamedFrom)(evolution.changes, flatName);
  const isStated = flat !== null && parentName !== rowsName;
  const parent = isStated
    ? requireTable(context, rowsSide, parentName, placeOf(change, flatKey))
    : null;
  if (flat !== null) {
    for (const column of change.columns) {
      requireColumn(context, scopeOf(flatSide, flat), column, placeOf(change, `columns.${column}`));
    }
  }
  if (rows !== null) {
    const scope = scopeOf(rowsSide, rows);
    checkKey(context, scope, change, 'key.');
    requireColumn(context, scope, change.value, placeOf(change, 'value'));
    const { position } = change;
    if (position !== null) requireColumn(context, scope, position, placeOf(change, 'position'));
  }
  if (parent !== null) checkKey(context, scopeOf(rowsSide, parent), change, 'key=');
}

/** Both tables in both releases: the one that has the column, and the one that refers to it. */
function checkMoved(context: Context, change: MoveColumn): void {
  const { evolution, from, to } = context;
  const at = (place: string) => placeOf(change, place);
  const parent = requireTable(context, from, change.table, at('table'));
  if (parent !== null) {
    requireColumn(context, scopeOf(from, parent), change.column, at('column'));
    requireTable(context, to, renamedTo(evolution.changes, change.table), at('table'));
  }
  const child = requireTable(context, to, change.to, at('to'));
  if (child === null) return;
  const where = change.places?.as === undefined ? at('column') : at('as');
  requireColumn(context, scopeOf(to, child), change.as, where);
  requireTable(context, from, renamedFrom(evolution.changes, change.to), at('to'));
}

function checkRenamedColumn(context: Context, change: RenameColumn): void {
  const old = requireOldTable(context, change);
  if (old === null) return;
  requireColumn(context, old, change.column, placeOf(change, 'column'));
  requireColumn(context, requireSuccessors(context, change), change.to, placeOf(change, 'to'));
}

function checkConvertedColumn(context: Context, change: ConvertColumn): void {
  const old = requireOldTable(context, change);
  if (old === null) return;
  for (const column of change.columns) {
    requireColumn(context, old, column, placeOf(change, `columns.${column}`));
  }
  const successors = requireSuccessors(context, change);
  for (const column of change.to) {
    requireColumn(context, successors, column, placeOf(change, `to.${column}`));
  }
  const tables = successors.tables.filter((table) =>
    change.to.some((column) => findColumn(table, column) !== undefined),
  );
  for (const up of Object.values(change.up)) requireMentions(context, old, up);
  for (const down of Object.values(change.down)) {
    requireMentions(context, { side: context.to, tables }, down);
  }
}

function checkAddedColumn(context: Context, change: AddColumn): void {
  const table = requireTable(context, context.to, change.table, placeOf(change, 'table'));
  if (table === null) return;
  const side = context.from;
  requireColumn(context, scopeOf(context.to, table), change.column, placeOf(change, 'column'));
  const tables = oldTablesOf(context.evolution.changes, change.table)
    .map((one) => findTable(side.catalog, one))
    .filter((one) => one !== undefined);
  if (tables.length > 0) {
    requireMentions(context, { side, tables }, change.up);
    return;
  }
  const message = `table ${change.table} has no predecessor in release ${side.version}`;
  report(context, placeOf(change, 'table'), `${message}, so add_column has no rows to fill`);
}

function checkDroppedColumn(context: Context, change: DropColumn): void {
  const old = requireOldTable(context, change);
  if (old === null) return;
  requireColumn(context, old, change.column, placeOf(change, 'column'));
  requireMentions(context, requireSuccessors(context, change), change.down);
}

function checkSplit(context: Context, change: SplitTable): void {
  const old = requireOldTable(context, change);
  for (const part of change.into) {
    const table = requireTable(context, context.to, part.table, part.at);
    if (table !== null) checkNewNames(context, scopeOf(context.to, table), part);
    if (old !== null) checkOldNames(context, old, part);
  }
}

function checkMerge(context: Context, change: MergeTables): void {
  const into = requireTable(context, context.to, change.into, placeOf(change, 'into'));
  for (const one of change.from) {
    const table = requireTable(context, context.from, one.table, one.at);
    if (table !== null) checkKey(context, scopeOf(context.from, table), one, 'key.');
    if (into === null) continue;
    const scope = scopeOf(context.to, into);
    checkKey(context, scope, one, 'key=');
    for (const column of Object.keys(one.otherwise)) {
      requireColumn(context, scope, column, placeOf(one, `otherwise.${column}`));
    }
    if (one.when !== null) requireMentions(context, scope, one.when);
  }
}

/** A map is read like a table, so no table may be called so. */
function checkKeyMap(context: Context, map: KeyMap): void {
  const { from, to } = context;
  for (const side of [from, to].filter((one) => findTable(one.catalog, map.name))) {
    const message = `"${map.name}" is a table of release ${side.version}: name the map otherwise`;
    context.findings.push({ code: 'EVOLUTION_INVALID', message, at: map.at });
  }
  const old = requireTable(context, from, map.from, placeOf(map, 'from'));
  const table = requireTable(context, to, map.into, placeOf(map, 'into'));
  if (isQuery(map.key)) checkTables(context, map.key, to);
  const keyed = { ...map, key: isQuery(map.key) ? null : map.key };
  if (old !== null) checkKey(context, scopeOf(from, old), keyed, 'key=');
  if (table === null) return;
  checkKey(context, scopeOf(to, table), keyed, 'key.');
  for (const column of map.columns) {
    requireColumn(context, scopeOf(to, table), column, placeOf(map, `column.${column}`));
  }
}

/** Tables that a query reads; key maps are read like tables. */
function checkTables(context: Context, { query, place, at }: StatedQuery, side: Side): void {
  for (const { table, offset } of query.tables) {
    if (context.evolution.keys.some((map) => map.name === table)) continue;
    requireTable(context, side, table, place?.(offset) ?? at);
  }
}

/** A table of one side, by a query over the other. */
function checkCustom(context: Context, one: CustomTable, [own, other]: [Side, Side]): void {
  const table = requireTable(context, own, one.table, one.at);
  const { query, place } = one.query;
  checkTables(context, one.query, other);
  const maps = context.evolution.keys.map((map) => map.name);
  if (one.via !== null && !maps.includes(one.via)) {
    const advice = didYouMean(one.via, maps);
    const message = `"slice" leads through "${one.via}", which "keys" does not name${advice}`;
    report(context, placeOf(one, 'slice'), message);
  }
  for (const cte of query.ctes.filter(({ name }) => findTable(other.catalog, name))) {
    const message = `"${cte.name}" is a table of release ${other.version}: name it otherwise here`;
    const at = place?.(cte.offset) ?? one.query.at;
    context.findings.push({ code: 'EVOLUTION_INVALID', message, at });
  }
  if (table === null) return;
  const scope = scopeOf(own, table);
  for (const column of one.slice) {
    requireColumn(context, scope, column, placeOf(one, `slice.${column}`));
  }
  for (const { column, offset } of query.outputs) {
    requireColumn(context, scope, column, place?.(offset) ?? one.query.at);
  }
}

type Keyed = Parameters<typeof placeOf>[0] & {
  readonly key: Readonly<Record<string, string>> | null;
};

/** The columns on one side of a key: `key.` for those that stand first, `key=` for the others. */
function checkKey(context: Context, scope: Scope, one: Keyed, side: 'key.' | 'key='): void {
  for (const [first, second] of Object.entries(one.key ?? {})) {
    const column = side === 'key.' ? first : second;
    requireColumn(context, scope, column, placeOf(one, `${side}${first}`));
  }
}

function checkNewNames(context: Context, scope: Scope, part: SplitPart): void {
  checkKey(context, scope, part, 'key.');
  for (const column of part.generate) {
    requireColumn(context, scope, column, placeOf(part, `generate.${column}`));
  }
}

function checkOldNames(context: Context, scope: Scope, part: SplitPart): void {
  checkKey(context, scope, part, 'key=');
  for (const column of Object.keys(part.otherwise)) {
    requireColumn(context, scope, column, placeOf(part, `otherwise.${column}`));
  }
  if (part.when !== null) requireMentions(context, scope, part.when);
}

/** The tables of the new release that hold the rows of the change's table. */
function requireSuccessors(
  context: Context,
  change: RenameColumn | ConvertColumn | DropColumn | RekeyTable,
): Scope {
  const names = newTablesOf(context.evolution.changes, change.table);
  const tables = names
    .map((name) => findTable(context.to.catalog, name))
    .filter((table) => table !== undefined);
  // Names that a change of whole tables states are reported there.
  const isInferred = names.length === 0 || (names.length === 1 && names[0] === change.table);
  if (tables.length === 0 && isInferred) {
    const message = `release ${context.to.version} has no successor of table ${change.table}`;
    const advice = 'state a rename_table, a split_table or a merge_tables';
    report(context, placeOf(change, 'table'), `${message}: ${advice}`);
  }
  return { side: context.to, tables };
}

function requireOldTable(
  context: Context,
  change: RenameColumn | ConvertColumn | DropColumn | SplitTable,
): Scope | null {
  const table = requireTable(context, context.from, change.table, placeOf(change, 'table'));
  return table === null ? null : scopeOf(context.from, table);
}
