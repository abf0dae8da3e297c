// What goes with a deleted row, where foreign keys of the new release say so. PostgreSQL deletes it
// after the statement, level by level, while triggers of the statement are under way already.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { ForeignKey } from '../release/catalog.js';
import { joined, name, type Sql, sql } from '../sql.js';
import { sameKey } from './compared.js';
import { type Bind, bindWith } from './mapping.js';

/** Tables of the cluster whose rows go with a row of `part`, each behind the one it refers to. */
export function takenWith(
  { parts }: SplitCluster,
  part: SplitPartPlan,
): { readonly child: SplitPartPlan; readonly parent: SplitPartPlan; readonly key: ForeignKey }[] {
  const found = new Set([part]);
  const taken: ReturnType<typeof takenWith> = [];
  for (const parent of found) {
    for (const child of parts.filter((one) => !found.has(one))) {
      const key = child.table.foreignKeys.find(
        (one) => one.referencedTable === parent.table.name && one.onDelete === 'cascade',
      );
      if (key === undefined) continue;
      found.add(child);
      taken.push({ child, parent, key });
    }
  }
  return taken;
}

/** Rows whose turn to go has not come yet are not there. */
export function withoutOrphans(cluster: SplitCluster, part: SplitPartPlan, bind: Bind): Bind {
  return takenWith(cluster, part).reduce<Bind>((all, { child, parent, key }) => {
    const refers = sameKey('g', key.referencedColumns, 'v', key.columns);
    const isNone = key.columns.map((one) => sql`${name('v', one)} is null`);
    const stays = sql`exists (select from ${all(parent.relation)} as g where ${refers})`;
    const rows: Sql = sql`(select v.* from ${bind(child.relation)} as v
        where ${joined([...isNone, stays], ' or ')})`;
    return bindWith(child.relation, rows, all);
  }, bind);
}
