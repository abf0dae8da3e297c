// Changes that contradict each other: every table and column of the old release goes one way, every
// one of the new release comes from one place, and what one change says no other makes void.

import type { Change, Position, SlicedChange } from './evolution.js';
import { newTablesOf } from './evolution-tables.js';
import type { Finding } from './findings.js';

interface Located {
  readonly table: string;
  readonly at: Position;
}

interface Claim {
  /** What is claimed, in words; equal words are the same thing. */
  readonly thing: string;
  readonly kind: Change['kind'];
  readonly at: Position;
}

/** One finding for each change that claims what an earlier one has claimed. */
export function conflictsIn(changes: readonly Change[]): Finding[] {
  const seen = new Map<string, Claim>();
  const findings: Finding[] = [];
  for (const claim of changes.flatMap((change) => claimsOf(change, changes))) {
    const earlier = seen.get(claim.thing);
    if (earlier === undefined) seen.set(claim.thing, claim);
    else {
      const first = `${earlier.kind} on line ${earlier.at.line} changes already`;
      const message = `${claim.kind} changes ${claim.thing}, which ${first}`;
      findings.push({ code: 'EVOLUTION_INVALID', at: claim.at, message });
    }
  }
  return [...findings, ...changes.flatMap((change) => unheard(change, changes))];
}

/** A change of one column, where another change says what all columns of the table hold. */
function unheard(change: Change, all: readonly Change[]): Finding[] {
  const isNew = change.kind === 'add_column';
  const isOld =
    change.kind === 'rename_column' ||
    change.kind === 'convert_column' ||
    change.kind === 'drop_column';
  if (!isNew && !isOld) return [];
  const whole = all.find((one) => filledBy(one, isNew ? 'new' : 'old').includes(change.table));
  if (whole === undefined) return [];
  const message =
    `${change.kind} says nothing here: ${whole.kind} on line ${whole.at.line} ` +
    `says what the rows of ${change.table} hold`;
  return [{ code: 'EVOLUTION_INVALID', at: change.at, message, hint: UNHEARD }];
}

const UNHEARD = 'Let the query of a custom change say what each column holds.';

/** Tables whose columns follow from nothing but this change. */
function filledBy(change: Change, side: 'old' | 'new'): string[] {
  const isOld = side === 'old';
  switch (change.kind) {
    case 'custom':
      return (isOld ? change.from : change.into).map((one) => one.table);
    case 'unnest_column':
      return isOld ? [] : [change.into];
    case 'nest_table':
      return isOld ? [change.table] : [];
    default:
      return [];
  }
}

function claimsOf(change: Change, all: readonly Change[]): Claim[] {
  const { kind, places } = change;
  const claim = (thing: string, place: string): Claim => ({
    thing,
    kind,
    at: places?.[place] ?? change.at,
  });
  const table = 'table' in change ? change.table : '';
  const oldColumn = (column: string, place: string) =>
    claim(`column ${table}.${column} of the old release`, place);
  const newColumn = (column: string, place: string) =>
    claim(newColumnOf(newTablesOf(all, table), column), place);
  const tables = (all: readonly Located[], which: 'old' | 'new') =>
    all.map((one) => ({ ...claim(`table ${one.table} of the ${which} release`, ''), at: one.at }));
  switch (kind) {
    case 'merge_tables':
      return [
        claim(`table ${change.into} of the new release`, 'into'),
        ...tables(change.from, 'old'),
      ];
    case 'rename_table':
      return [
        claim(`table ${change.table} of the old release`, 'table'),
        claim(`table ${change.to} of the new release`, 'to'),
      ];
    case 'split_table':
      return [
        claim(`table ${change.table} of the old release`, 'table'),
        ...tables(change.into, 'new'),
      ];
    case 'rename_column':
      return [oldColumn(change.column, 'column'), newColumn(change.to, 'to')];
    case 'rename_label':
      return [claim(`label ${change.label} of type ${change.type} of the old release`, 'label')];
    case 'convert_column':
      return [
        ...change.columns.map((column) => oldColumn(column, `columns.${column}`)),
        ...change.to.map((column) => newColumn(column, `to.${column}`)),
      ];
    case 'add_column':
      return [claim(newColumnOf([change.table], change.column), 'column')];
    case 'drop_column':
      return [oldColumn(change.column, 'column')];
    case 'extract_table':
      return [
        ...Object.values(change.values).map((column) => oldColumn(column, 'columns')),
        newColumn(change.reference, 'reference'),
      ];
    case 'inline_table':
      return [
        claim(`what ${change.reference} of ${change.into} refers to`, 'reference'),
        ...Object.values(change.values).map((column) =>
          claim(newColumnOf([change.into], column), 'columns'),
        ),
      ];
    case 'rekey_table':
      return [
        claim(`the key of ${change.table}`, 'table'),
        ...change.columns.map((column) => newColumn(column, `column.${column}`)),
      ];
    default:
      return slicedClaims(change);
  }
}

/** Two changes that give one name to columns of a split collide: neither names its part. */
function newColumnOf(tables: readonly string[], column: string): string {
  const [only] = tables;
  if (only === undefined) return `column ${column} of the new release`;
  if (tables.length === 1) return `column ${only}.${column} of the new release`;
  return `column ${column} of the new release, in ${tables.join(' or ')}`;
}

/** Changes of tables whose rows hang together. */
function slicedClaims(change: SlicedChange): Claim[] {
  const { kind } = change;
  const claim = (thing: string, place: string): Claim => ({
    thing,
    kind,
    at: change.places?.[place] ?? change.at,
  });
  const wholes = (tables: readonly Located[], which: 'old' | 'new') =>
    tables.map((one) => ({
      thing: `table ${one.table} of the ${which} release`,
      kind,
      at: one.at,
    }));
  switch (kind) {
    case 'custom':
      return [...wholes(change.from, 'old'), ...wholes(change.into, 'new')];
    case 'unite_tables':
      return [
        ...wholes(change.from, 'old'),
        claim(`table ${change.into} of the new release`, 'into'),
      ];
    case 'partition_rows':
      return [
        claim(`table ${change.table} of the old release`, 'table'),
        ...wholes(change.into, 'new'),
      ];
    case 'unnest_column':
      return [
        ...change.columns.map((column) =>
          claim(`column ${change.table}.${column} of the old release`, `columns.${column}`),
        ),
        claim(`table ${change.into} of the new release`, 'into'),
      ];
    case 'nest_table':
      return [
        claim(`table ${change.table} of the old release`, 'table'),
        ...change.columns.map((column) =>
          claim(newColumnOf([change.into], column), `columns.${column}`),
        ),
      ];
    case 'move_column':
      return [
        claim(`column ${change.table}.${change.column} of the old release`, 'column'),
        claim(newColumnOf([change.to], change.as), 'to'),
      ];
    default:
      return change satisfies never;
  }
}
