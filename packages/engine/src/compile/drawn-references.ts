// Foreign keys of the new release that lead to drawn keys: whether the old layout guarantees that
// the row is there, and goes when it must, although no column of it says so.

import type { KeyMap } from '../changes/key-map.js';
import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { ForeignKey } from '../release/catalog.js';

/**
 * Whether a row refers to one of its own slice, which is made before it and goes after it: by the
 * columns of the slice, or by those that lead to it through the map of the other table's keys.
 */
export function isWithinSlice(
  cluster: SplitCluster,
  part: SplitPartPlan,
  key: ForeignKey,
): boolean {
  const target = cluster.parts.find((one) => one.table.name === key.referencedTable);
  if (cluster.sliced === null || target === undefined || !cluster.parts.includes(part))
    return false;
  const { slice, via } = part.mapping;
  const map = cluster.keys.find((one) => one.stated.name === via?.map.name);
  const refersBy = (own: readonly string[], others: readonly string[]) =>
    own.length === others.length &&
    own.every((column, place) => {
      const at = key.columns.indexOf(column);
      return at >= 0 && key.referencedColumns[at] === others[place];
    });
  if (via === null) return target.mapping.via === null && refersBy(slice, target.mapping.slice);
  const drawn = map?.newKey.map((one) => one.column.name) ?? [];
  return map?.table === target.table && refersBy(slice, drawn);
}

/**
 * Whether the old table refers to the one whose rows draw the keys, and lets its statements do no
 * more to what refers than this key does.
 */
export function isDrawnReference(
  { olds, parts }: SplitCluster,
  {
    part,
    key,
    maps,
  }: {
    readonly part: SplitPartPlan;
    readonly key: ForeignKey;
    readonly maps: readonly KeyMap[];
  },
): boolean {
  if (!parts.includes(part)) return false;
  const map = maps.find(
    ({ table, newKey }) =>
      table.name === key.referencedTable &&
      newKey.length === key.referencedColumns.length &&
      newKey.every((one) => key.referencedColumns.includes(one.column.name)),
  );
  return olds.some(({ table }) =>
    table.foreignKeys.some(
      (one) => one.referencedTable === map?.old.name && one.onDelete === key.onDelete,
    ),
  );
}
