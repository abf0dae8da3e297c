// The tables of what is kept beside old rows: rows that a part does not have although the old row
// gives one, and values of the new release that do not follow from it.

import { KEPT } from '../changes/kept.js';
import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Types } from './compared.js';
import type { Mapping } from './mapping.js';
import { layoutBind, type Places } from './places.js';
import { statement } from './statement.js';
import { typeOf } from './tables.js';

/** A table of keys: rows that a part of the new release does not have. */
export function spillTable(cluster: SplitCluster, part: SplitPartPlan, places: Places): Statement {
  const at = layoutBind(places, 'filling')(part.absence ?? part.relation);
  const key = cluster.oldKey.map((one) => name(one.name));
  return statement(sql`create table ${at} (${keyDefinitions(cluster)}, primary key (${key}))`);
}

/** Tables of values that the new release has written and that do not follow from the old row. */
export function keptTables(
  cluster: SplitCluster,
  { mapping }: SplitPartPlan,
  places: Places,
): Statement[] {
  const key = cluster.oldKey.map((one) => name(one.name));
  return mapping.kept.map(({ relation, type }) => {
    const columns = [KEPT.value, KEPT.basis].map((one) => sql`${name(one)} ${trusted(type)}`);
    return statement(
      sql`create table ${layoutBind(places, 'filling')(relation)}
(${keyDefinitions(cluster)}, ${columns}, primary key (${key}))`,
    );
  });
}

function keyDefinitions(cluster: SplitCluster): Sql {
  return joined(cluster.oldKey.map((one) => sql`${name(one.name)} ${typeOf(one)}`));
}

/** Types of a spill of values; null for any other target. */
export function keptTypes({ parts }: SplitCluster, { target }: Mapping): Types | null {
  const values = parts.flatMap((part) => part.mapping.kept);
  const found = values.find((one) => one.relation.name === target.name);
  if (found === undefined || target.side !== 'spill') return null;
  return new Map([KEPT.value, KEPT.basis].map((column) => [column, found.type]));
}
