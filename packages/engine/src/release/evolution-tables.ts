// Which tables of the new release hold the rows of a table of the old one, and the other way round,
// as far as an evolution states it. A table that no change names keeps its name.

import type { Change } from './evolution.js';

/** Names in the new release, the first part of a split first. */
export function newTablesOf(changes: readonly Change[], oldTable: string): string[] {
  for (const change of changes) {
    if (change.kind === 'rename_table' && change.table === oldTable) return [change.to];
    if (change.kind === 'split_table' && change.table === oldTable) {
      return change.into.map((part) => part.table);
    }
  }
  // A name that another table takes over is no longer this table's.
  const isTaken = claims(changes).some((claim) => claim.new === oldTable);
  return isTaken ? [] : [oldTable];
}

/** The name in the old release; null for a table whose name belonged to another one. */
export function oldTableOf(changes: readonly Change[], newTable: string): string | null {
  const claim = claims(changes).find((one) => one.new === newTable);
  if (claim !== undefined) return claim.old;
  return claims(changes).some((one) => one.old === newTable) ? null : newTable;
}

function claims(changes: readonly Change[]): { old: string; new: string }[] {
  return changes.flatMap((change) => {
    if (change.kind === 'rename_table') return [{ old: change.table, new: change.to }];
    if (change.kind !== 'split_table') return [];
    return change.into.map((part) => ({ old: change.table, new: part.table }));
  });
}
