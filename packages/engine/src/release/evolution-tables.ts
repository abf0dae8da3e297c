// Which tables of the new release hold the rows of a table of the old one, and the other way round,
// as far as an evolution states it. A table that no change names keeps its name.

import type { Change } from './evolution.js';

/** Names in the new release, the first part of a split first. */
export function newTablesOf(changes: readonly Change[], oldTable: string): string[] {
  const all = claims(changes);
  const stated = all.filter((claim) => claim.old === oldTable).map((claim) => claim.new);
  if (stated.length > 0) return [...new Set(stated)];
  // A name that another table takes over is no longer this table's.
  return all.some((claim) => claim.new === oldTable) ? [] : [oldTable];
}

/**
 * Names in the old release, the first table of a merge first; none for a table whose name belonged
 * to another one.
 */
export function oldTablesOf(changes: readonly Change[], newTable: string): string[] {
  const all = claims(changes);
  const stated = all.filter((claim) => claim.new === newTable).map((claim) => claim.old);
  if (stated.length > 0) return [...new Set(stated)];
  return all.some((claim) => claim.old === newTable) ? [] : [newTable];
}

/** The name of an old table in the new release, as far as a rename_table says. */
export function renamedTo(changes: readonly Change[], oldTable: string): string {
  const found = changes.find((one) => one.kind === 'rename_table' && one.table === oldTable);
  return found?.kind === 'rename_table' ? found.to : oldTable;
}

/** The name of a new table in the old release. */
export function renamedFrom(changes: readonly Change[], newTable: string): string {
  const found = changes.find((one) => one.kind === 'rename_table' && one.to === newTable);
  return found?.kind === 'rename_table' ? found.table : newTable;
}

function claims(changes: readonly Change[]): { old: string; new: string }[] {
  return changes.flatMap((change) => {
    switch (change.kind) {
      case 'rename_table':
        return [{ old: change.table, new: change.to }];
      case 'split_table':
        return change.into.map((part) => ({ old: change.table, new: part.table }));
      case 'merge_tables':
        return change.from.map((one) => ({ old: one.table, new: change.into }));
      case 'unnest_column':
        return [...staying(changes, change.table), { old: change.table, new: change.into }];
      case 'nest_table':
        return [...coming(changes, change.into), { old: change.table, new: change.into }];
      case 'partition_rows':
        return change.into.map((one) => ({ old: change.table, new: one.table }));
      case 'unite_tables':
        return change.from.map((one) => ({ old: one.table, new: change.into }));
      case 'custom':
        return change.from.flatMap((old) =>
          change.into.map((one) => ({ old: old.table, new: one.table })),
        );
      default:
        return [];
    }
  });
}

/** The table whose column is unnested stays, unless a rename says under which name. */
function staying(changes: readonly Change[], table: string): { old: string; new: string }[] {
  const isRenamed = changes.some((one) => one.kind === 'rename_table' && one.table === table);
  return isRenamed ? [] : [{ old: table, new: table }];
}

function coming(changes: readonly Change[], table: string): { old: string; new: string }[] {
  const isRenamed = changes.some((one) => one.kind === 'rename_table' && one.to === table);
  return isRenamed ? [] : [{ old: table, new: table }];
}
