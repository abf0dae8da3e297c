// From two releases and an evolution to all that the steps are made from: which tables cross how,
// and what each cluster of them is.

import { mergedCluster } from '../changes/merge-tables.js';
import { clusterOfChanges } from '../changes/sliced-changes.js';
import { splitCluster } from '../changes/split-table.js';
import { typesApart } from '../release/types-apart.js';
import { crossingOf } from './classify.js';
import type { CompileInput, Evolving } from './compile.js';
import type { Shared } from './contract.js';
import { withDefaults } from './defaults.js';
import { assertPolicies } from './dirty-policies.js';
import { foreignKeyPlan } from './foreign-keys.js';
import { layoutOf } from './layout.js';
import { type Places, placesOf } from './places.js';
import { type Rebuilt, rebuilt } from './rebuilt.js';
import { sequencePlan } from './sequence-plan.js';
import { assertSettingsCarried } from './settings.js';
import { shippedPlan } from './shipped-plan.js';
import { assertCarried, assertMovable } from './unsupported.js';
import { assertLabelsStay } from './unsupported-types.js';

/** How each table crosses, before any statement is made of it. @throws as compile does. */
export function evolvingOf(input: CompileInput): Evolving {
  return resolve(input, placesOf(input.app, input.from.version, input.to.version));
}

/** @param places where lens and machinery stand. */
export function resolve(input: CompileInput, places: Places): Evolving {
  const { from: older, to, evolution } = input;
  assertCarried(older.catalog, to.catalog, evolution);
  const from = typesApart(older.catalog, to.catalog);
  const plain = layoutOf(from, to.catalog, evolution, places.workSchema);
  assertLabelsStay(plain, evolution);
  assertPolicies(plain, evolution);
  const { layout, defaults, duplicates } = withDefaults(plain, evolution, places);
  const shared: Shared[] = [];
  const clusters: Rebuilt[] = layout.splits.map((split) =>
    rebuilt(
      splitCluster(
        split.parts.map((one) => one.pair),
        split.change,
        evolution,
      ),
      places,
      duplicates,
    ),
  );
  for (const sliced of layout.sliced) {
    clusters.push(rebuilt(clusterOfChanges(sliced, evolution), places));
  }
  for (const merge of layout.merges) {
    clusters.push(rebuilt(mergedCluster(merge, evolution), places));
  }
  for (const pair of layout.pairs) {
    const kind = crossingOf(pair);
    if (kind === 'rebuilt') {
      clusters.push(rebuilt(splitCluster([pair], null, evolution), places, duplicates));
    } else {
      shared.push({ pair, kind });
    }
  }
  assertMovable(layout, clusters, shared, { from, to: to.catalog, evolution });
  assertSettingsCarried(shared, evolution);
  const tables = {
    places,
    from,
    to: to.catalog,
    evolution,
    layout,
    clusters,
    shared,
    defaults,
    duplicates,
  };
  const base = { ...tables, sequences: sequencePlan(tables) };
  const shipped = shippedPlan(base, older.shipped, to.shipped);
  const planned = { ...base, shipped };
  return { ...planned, foreignKeys: foreignKeyPlan(planned) };
}
