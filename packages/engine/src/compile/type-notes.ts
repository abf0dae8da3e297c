// What the plan says of values that are converted: by which expression; and where only their labels
// differ, which of them go on under another name, and which only one release may meet.

import { findColumn } from '../release/catalog.js';
import { columnsOf } from '../release/expression.js';
import { hasOwnType } from './classify.js';
import type { Evolving } from './compile.js';
import type { ForwardColumn, PairedTable } from './layout.js';
import { type LabelPairs, labelsBetween, type TypesOfBoth, typesOfBoth } from './taken-over.js';

/** Each once, in the order of the columns. */
export function conversionNotes(
  pair: PairedTable,
  converted: readonly ForwardColumn[],
  { from, to, evolution, places }: Evolving,
): string[] {
  const types = typesOfBoth(from, to, evolution);
  const notes = converted.flatMap((one) => {
    const labels = labelsOf(pair, one, types);
    if (labels !== null) return labelNotes(labels, places);
    return hasOwnType(pair, one)
      ? [`each release has its own rules of type ${one.column.type}`]
      : [`column ${one.column.name} = ${one.said ?? one.up}`];
  });
  return [...new Set(notes)];
}

function labelsOf({ old }: PairedTable, { column, up, stated }: ForwardColumn, types: TypesOfBoth) {
  if (up === null || stated !== undefined) return null;
  const source = findColumn(old, columnsOf(up)[0] ?? '');
  return source === undefined ? null : labelsBetween(source, column, types);
}

function labelNotes(
  { type, up, onlyOld, onlyNew }: LabelPairs & { readonly type: string },
  { from, to }: Evolving['places'],
): string[] {
  const renamed = [...up].filter(([label, now]) => label !== now);
  return [
    ...renamed.map(([label, now]) => `label ${label} of ${type} is now ${now}`),
    ...onlyOld.map((label) => `rows of release ${from} with label ${label} go to quarantine`),
    ...onlyNew.map((label) => `label ${label} is refused with HL001 until contract`),
    ...(renamed.length + onlyOld.length + onlyNew.length > 0
      ? []
      : [`labels of ${type} stand in the order of release ${to}`]),
  ];
}
