// From a group of changes that work on the same tables to their cluster.

import type { SlicedLayout } from '../compile/layout.js';
import { refuse } from '../compile/refuse.js';
import type { Change, Evolution, NestTable, UnnestColumn } from '../release/evolution.js';
import { customTables } from './custom.js';
import { assertNothingKept } from './kept.js';
import { moveTables } from './move-column.js';
import { nestingTables } from './nesting.js';
import { outerMergeTables } from './outer-merge.js';
import { shareTables } from './shares.js';
import { type Sliced, slicedCluster } from './sliced.js';
import type { SplitCluster } from './split-table.js';

export function clusterOfChanges(layout: SlicedLayout, evolution: Evolution): SplitCluster {
  return slicedCluster(slicedTables(layout, evolution), layout.keys, evolution);
}

/** How each table follows from the other release's, by queries. */
export function slicedTables(layout: SlicedLayout, evolution: Evolution): Sliced {
  assertKeys(layout, evolution);
  assertNothingKept(layout.pairs, evolution);
  const [change] = layout.changes as [SlicedLayout['changes'][number]];
  switch (change.kind) {
    case 'unnest_column':
    case 'nest_table':
      return nestingTables(layout, layout.changes.filter(isNesting), evolution);
    case 'partition_rows':
    case 'unite_tables':
      return shareTables(layout, change, evolution);
    case 'move_column':
      return moveTables(layout, change, evolution);
    case 'merge_tables':
      return outerMergeTables(layout, change, evolution);
    case 'custom':
      return customTables(layout, change);
    default:
      return change satisfies never;
  }
}

/** The rows of every table are told by its primary key. */
function assertKeys({ changes, olds, news }: SlicedLayout, evolution: Evolution): void {
  const [change] = changes as [SlicedLayout['changes'][number]];
  const sides = [
    { tables: olds, version: evolution.from },
    { tables: news, version: evolution.to },
  ];
  for (const { tables, version } of sides) {
    const found = tables.find((one) => one.primaryKey?.deferrable !== 'no');
    if (found === undefined) continue;
    throw refuse(evolution, {
      code: 'EVOLUTION_INCOMPLETE',
      message:
        `table ${found.name} of release ${version} has no primary key that holds at once, ` +
        `so ${change.kind} cannot tell its rows`,
      hint: `give ${found.name} a primary key that is not deferrable`,
      at: change.at,
    });
  }
}

function isNesting(change: Change): change is UnnestColumn | NestTable {
  return change.kind === 'unnest_column' || change.kind === 'nest_table';
}
