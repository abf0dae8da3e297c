// Whether the names in `dirty` exist: tables, columns and constraints of the new release, and in
// values the columns of the old one.

import { findTable, type Table } from './catalog.js';
import type { DirtyPolicy } from './evolution.js';
import { oldTablesOf } from './evolution-tables.js';
import {
  type Context,
  placeOf,
  report,
  requireColumn,
  requireMentions,
  requireTable,
  scopeOf,
} from './name-scope.js';
import { didYouMean } from './suggest.js';

export function checkPolicies(context: Context): void {
  for (const policy of context.evolution.dirty) checkPolicy(context, policy);
}

function checkPolicy(context: Context, policy: DirtyPolicy): void {
  const { from, to, evolution } = context;
  const table = requireTable(context, to, policy.table, placeOf(policy, 'table'));
  if (table === null) return;
  const scope = scopeOf(to, table);
  if (policy.column !== null) {
    requireColumn(context, scope, policy.column, placeOf(policy, 'column'));
  } else {
    requireConstraint(context, table, policy);
  }
  const olds = oldTablesOf(evolution.changes, table.name)
    .map((one) => findTable(from.catalog, one))
    .filter((one) => one !== undefined);
  for (const [column, value] of Object.entries(policy.values)) {
    if (policy.column === null) requireColumn(context, scope, column, value.at);
    requireMentions(context, { side: from, tables: olds }, value);
  }
}

function requireConstraint(context: Context, table: Table, policy: DirtyPolicy): void {
  const { constraint } = policy;
  const known = constraintNames(table);
  if (constraint === null || known.includes(constraint)) return;
  const advice = didYouMean(constraint, known);
  const message =
    `table ${table.name} of release ${context.to.version} has no check, key or unique index ` +
    `"${constraint}"${advice}`;
  report(context, placeOf(policy, 'constraint'), message);
}

function constraintNames(table: Table): string[] {
  const keys = [table.primaryKey, ...table.uniques].filter((one) => one !== null);
  const indexes = table.indexes.filter((one) => one.isUnique);
  return [...table.checks, ...keys, ...indexes, ...table.foreignKeys].map((one) => one.name);
}
