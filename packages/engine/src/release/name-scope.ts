// Looking up the names of an evolution in the releases: what is there, and what to say of what is
// not, at its place in the file.

import { type Catalog, findColumn, findTable, type Table } from './catalog.js';
import type { Evolution, Expression, Places, Position, ShareOfRows } from './evolution.js';
import { columnMentions } from './expression.js';
import type { Finding } from './findings.js';
import { didYouMean } from './suggest.js';

/** One release as the names are looked up in it. */
export interface Side {
  readonly which: 'old' | 'new';
  readonly version: string;
  readonly catalog: Catalog;
}

/** The tables of one release that a name may belong to. */
export interface Scope {
  readonly side: Side;
  readonly tables: readonly Table[];
}

export interface Context {
  readonly evolution: Evolution;
  readonly from: Side;
  readonly to: Side;
  readonly findings: Finding[];
}

export function scopeOf(side: Side, table: Table): Scope {
  return { side, tables: [table] };
}

export function requireTable(
  context: Context,
  side: Side,
  table: string,
  at: Position,
): Table | null {
  const found = findTable(side.catalog, table);
  if (found !== undefined) return found;
  const other = side.which === 'old' ? context.to : context.from;
  const advice =
    findTable(other.catalog, table) === undefined
      ? didYouMean(
          table,
          side.catalog.tables.map(({ name }) => name),
        )
      : `; release ${other.version} has it, but a table of the ${side.which} release is named here`;
  report(context, at, `release ${side.version} has no table "${table}"${advice}`);
  return null;
}

export function requireColumn(context: Context, scope: Scope, column: string, at: Position): void {
  const { side, tables } = scope;
  if (tables.length === 0 || tables.some((table) => findColumn(table, column))) return;
  const candidates = new Set(tables.flatMap((table) => table.columns.map(({ name }) => name)));
  const where = tables.map((table) => table.name).join(', ');
  const what = tables.length === 1 ? `not in table ${where}` : `in none of ${where}`;
  const advice = didYouMean(column, [...candidates]);
  report(context, at, `column "${column}" is ${what} of release ${side.version}${advice}`);
}

/** Columns inside an expression; a qualifier must be the name of the table. */
export function requireMentions(context: Context, scope: Scope, expression: Expression): void {
  if (scope.tables.length === 0) return;
  for (const { qualifier, column, offset } of columnMentions(expression.sql)) {
    const at = within(expression, offset);
    const tables = scope.tables.filter(({ name }) => qualifier === null || name === qualifier);
    if (tables.length > 0) {
      requireColumn(context, { side: scope.side, tables }, column, at);
      continue;
    }
    const known = scope.tables.map((table) => table.name);
    const advice = didYouMean(qualifier ?? '', known);
    report(context, at, `"${qualifier}.${column}" names a table that is out of reach${advice}`);
  }
}

/** A table of one release, by its name. */
export type Named = readonly [Side, string];

/** One of several tables among which the rows of a whole are shared out. */
export function checkShare(
  context: Context,
  one: ShareOfRows,
  [side, table]: Named,
  whole: Named,
): void {
  requireTable(context, side, table, one.at);
  const found = findTable(whole[0].catalog, whole[1]);
  if (found === undefined) return;
  const scope = scopeOf(whole[0], found);
  requireMentions(context, scope, one.when);
  for (const column of Object.keys(one.values)) {
    requireColumn(context, scope, column, placeOf(one, `values.${column}`));
  }
}

/** Where a character of an expression (in UTF-16 units) stands in the file. */
export function within(expression: Expression, offset: number): Position {
  return expression.place?.(offset) ?? expression.at;
}

export function placeOf(
  thing: { readonly at: Position; readonly places?: Places },
  place: string,
): Position {
  return thing.places?.[place] ?? thing.at;
}

export function report(context: Context, at: Position, message: string): void {
  context.findings.push({ code: 'EVOLUTION_UNKNOWN_NAME', message, at });
}
