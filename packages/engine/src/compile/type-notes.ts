// What the plan says of types that each release has in its own form: which labels go on under
// another name, and which of them only one release may meet.

import { findColumn } from '../release/catalog.js';
import { columnsOf } from '../release/expression.js';
import { hasOwnType } from './classify.js';
import type { Evolving } from './compile.js';
import type { PairedTable } from './layout.js';
import { type LabelPairs, labelsBetween, typesOfBoth } from './taken-over.js';

export function typeNotes(pair: PairedTable, { from, to, evolution, places }: Evolving): string[] {
  const types = typesOfBoth(from, to, evolution);
  const own = pair.forward.filter((one) => hasOwnType(pair, one));
  const notes = own.flatMap(({ column, up }) => {
    const old = findColumn(pair.old, columnsOf(up ?? '')[0] ?? '');
    const labels = old === undefined ? null : labelsBetween(old, column, types);
    if (labels === null) return [`each release has its own rules of type ${column.type}`];
    return labelNotes(labels, places);
  });
  return [...new Set(notes)];
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
