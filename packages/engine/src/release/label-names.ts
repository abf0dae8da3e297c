// Looking up the names of a rename_label in the enums of both releases.

import type { Catalog, Enum } from './catalog.js';
import type { RenameLabel } from './evolution.js';
import { type Context, placeOf, report, type Side } from './name-scope.js';
import { didYouMean } from './suggest.js';

/** A type that the new release calls otherwise is not known to it: any of its enums may have it. */
export function checkLabel(context: Context, change: RenameLabel): void {
  const { from, to } = context;
  const found = from.catalog.enums.find((one) => one.name === change.type);
  if (found === undefined) {
    const advice = didYouMean(change.type, namesIn(from.catalog));
    const message = `release ${from.version} has no enum "${change.type}"${advice}`;
    report(context, placeOf(change, 'type'), message);
    return;
  }
  const same = to.catalog.enums.find((one) => one.name === change.type);
  const coming = same === undefined ? to.catalog.enums : [same];
  requireLabel(context, from, [found], 'label', change);
  requireLabel(context, to, coming, 'to', change);
}

function requireLabel(
  context: Context,
  side: Side,
  ...[enums, key, change]: readonly [readonly Enum[], 'label' | 'to', RenameLabel]
): void {
  const labels = enums.flatMap((one) => one.labels);
  const label = change[key];
  if (labels.includes(label)) return;
  const advice = didYouMean(label, labels);
  const where = enums.map((one) => one.name).join(', ');
  const message = `label "${label}" is not in ${where} of release ${side.version}${advice}`;
  report(context, placeOf(change, key), message);
}

function namesIn({ enums }: Catalog): string[] {
  return enums.map((one) => one.name);
}
