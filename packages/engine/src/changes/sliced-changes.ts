// From a group of changes that work on the same tables to their cluster.

import type { SlicedLayout } from '../compile/layout.js';
import { refuse } from '../compile/refuse.js';
import type { Evolution, NestTable, SlicedChange, UnnestColumn } from '../release/evolution.js';
import { customTables } from './custom.js';
import { moveTables } from './move-column.js';
import { nestingTables } from './nesting.js';
import { shareTables } from './shares.js';
import { type Sliced, slicedCluster } from './sliced.js';
import type { SplitCluster } from './split-table.js';

export function clusterOfChanges(layout: SlicedLayout, evolution: Evolution): SplitCluster {
  return slicedCluster(tablesOf(layout, evolution), evolution);
}

function tablesOf(layout: SlicedLayout, evolution: Evolution): Sliced {
  const [first, ...others] = layout.changes as [SlicedChange, ...SlicedChange[]];
  if (isNesting(first)) {
    const same = others.filter(
      (one): one is typeof first => isNesting(one) && one.kind === first.kind,
    );
    if (same.length === others.length) return nestingTables(layout, [first, ...same], evolution);
  }
  const [other] = others;
  if (other !== undefined) {
    throw refuse(evolution, {
      code: 'EVOLUTION_UNSUPPORTED',
      message: `${other.kind} works on the same tables as ${first.kind} on line ${first.at.line}`,
      hint: 'state both as one custom change, which says how each table follows from the others',
      at: other.at,
    });
  }
  switch (first.kind) {
    case 'partition_rows':
    case 'unite_tables':
      return shareTables(layout, first);
    case 'move_column':
      return moveTables(layout, first, evolution);
    case 'custom':
      return customTables(layout, first);
    default:
      return nestingTables(layout, [first], evolution);
  }
}

function isNesting(change: SlicedChange): change is UnnestColumn | NestTable {
  return change.kind === 'unnest_column' || change.kind === 'nest_table';
}
