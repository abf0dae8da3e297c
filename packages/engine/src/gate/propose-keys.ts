// Which tables get another primary key that the new release draws: what refers to their rows
// follows, so this comes before anything is said of single columns. Pure.

import { HalflapError } from '@halflap/protocol';
import { isConstant } from '../changes/expression-shape.js';
import { layoutOf, type PairedTable } from '../compile/layout.js';
import { type Column, findColumn, type Table } from '../release/catalog.js';
import type { Change, RekeyTable } from '../release/evolution.js';
import { type Found, NOWHERE, type Proposed, type Sight } from './proposal.js';
import { keyText } from './unpaired.js';
import { isWidened } from './widened.js';

export function proposeKeys(sight: Sight): Found {
  const changes: Proposed[] = [];
  for (const pair of sight.layout.pairs) {
    const change = rekeyed(pair, sight);
    const all = changes.map((one): Change => one.change);
    if (change === null || !isPossible([...all, change], sight)) continue;
    const reason =
      `the key of ${pair.new.name} was (${keyText(pair.old)}) and is (${keyText(pair.new)}), ` +
      'which the new release draws; what refers to it follows';
    changes.push({ change, reason });
  }
  return { changes, held: [], questions: [] };
}

function rekeyed({ old, new: table }: PairedTable, { from }: Sight): RekeyTable | null {
  const columns = table.primaryKey?.columns ?? [];
  if (keyText(old) === keyText(table) || columns.length === 0) return null;
  const isAnother = columns.every((name) => {
    const column = findColumn(table, name);
    const before = keyColumn(old, name);
    const isSame = before !== null && column !== undefined;
    return !(isSame && (before.type === column.type || isWidened(before.type, column.type, from)));
  });
  const isDrawn = columns.every((name) => draws(findColumn(table, name)));
  if (!isAnother || !isDrawn) return null;
  return { kind: 'rekey_table', at: NOWHERE, table: old.name, columns };
}

function keyColumn(table: Table, name: string): Column | null {
  return table.primaryKey?.columns.includes(name) ? (findColumn(table, name) ?? null) : null;
}

function draws(column: Column | undefined): boolean {
  if (column === undefined || column.generated !== null) return false;
  return column.identity !== null || (column.default !== null && !isConstant(column.default));
}

/** Whether it can be stated as it is: the author may know of another way. */
function isPossible(changes: readonly Change[], sight: Sight): boolean {
  const { from, to, evolution } = sight;
  try {
    layoutOf(from, to, { ...evolution, changes: [...evolution.changes, ...changes] });
    return true;
  } catch (error) {
    if (error instanceof HalflapError) return false;
    throw error;
  }
}
