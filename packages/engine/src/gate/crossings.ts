// The values that are computed on the way from one release to the other: what each is made from and
// which column it goes to, as the compiler pairs them. Pure.

import type { CompileInput } from '../compile/compile.js';
import { layoutOf, type PairedTable, type SlicedLayout } from '../compile/layout.js';
import type { BaseTypes } from '../release/base-type.js';
import type { Column, Table } from '../release/catalog.js';
import type { Expression } from '../release/evolution.js';

export interface Crossing {
  readonly key: 'up' | 'down' | 'otherwise';
  /** The table whose row the value is made from; null where there is no row. */
  readonly source: Table | null;
  readonly target: Table;
  readonly column: Column;
  /** The SQL that makes the value. */
  readonly made: string;
  /** The same as the author wrote it; null where only the type differs and nobody stated how. */
  readonly stated: Expression | null;
  readonly bases: BaseTypes;
}

/** Values that are taken over as they are, and those that PostgreSQL generates, are left out. */
export function crossingsOf({ from, to, evolution }: Omit<CompileInput, 'app'>): Crossing[] {
  const layout = layoutOf(from.catalog, to.catalog, evolution);
  const clusters = [
    ...layout.pairs.map((pair) => [pair]),
    ...layout.splits.map((split) => split.parts.map((part) => part.pair)),
    ...layout.merges.flatMap((merge) => merge.pairs.map((pair) => [pair])),
    ...layout.sliced.flatMap(pairsByName).map((pair) => [pair]),
  ];
  return clusters
    .flatMap((pairs) => [...pairs.flatMap(upward), ...downward(pairs)])
    .filter(({ column }) => column.generated === null);
}

/** Tables of which some columns follow by name; queries of the author say all of theirs. */
function pairsByName({ changes, olds, news, pairs, pairsOf }: SlicedLayout): PairedTable[] {
  const [change] = changes;
  const [old, target] = [olds[0] as Table, news[0] as Table];
  switch (change?.kind) {
    case 'partition_rows':
      return news.map((one) => pairsOf(old, one));
    case 'unite_tables':
      return olds.map((one) => pairsOf(one, target));
    case 'unnest_column':
    case 'nest_table':
      return [pairsOf(old, target)];
    case 'move_column':
      return [...pairs];
    default:
      return [];
  }
}

function upward({ old, new: target, forward, bases }: PairedTable): Crossing[] {
  return forward.flatMap(({ column, up, source, stated = null, lookup }) =>
    up === null || source !== null || lookup !== undefined
      ? []
      : [{ key: 'up' as const, source: old, target, column, made: up, stated, bases }],
  );
}

/** An old column is made from the first part of a split that has what it is made from. */
function downward(pairs: readonly PairedTable[]): Crossing[] {
  const made = new Set<string>();
  return pairs.flatMap(({ old, new: part, backward, bases }) =>
    backward.flatMap(({ column, down, source, stated = null, lookup }) => {
      if (down === null || lookup !== undefined || made.has(column.name)) return [];
      made.add(column.name);
      if (source !== null) return [];
      return [
        { key: 'down' as const, source: part, target: old, column, made: down, stated, bases },
      ];
    }),
  );
}
