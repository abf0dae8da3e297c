// Verify: what the new layout should hold, computed from the old one, against what it holds. Rows
// in quarantine are tried again first, since what stood in their way may be gone; those that stay
// there are left out on both sides: they are known to differ, and contract waits for them.

import type { Lookup } from '../changes/lookup.js';
import type { SplitCluster } from '../changes/split-table.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import type { VerifyStep } from './bundle.js';
import { qualified, sameKey } from './compared.js';
import { withoutLookup } from './lookups.js';
import type { Mapping } from './mapping.js';
import { floorTable, layoutBind, type Places, stateTable, work } from './places.js';
import type { Rebuilt } from './rebuilt.js';
import { writtenColumns } from './slices.js';
import { isOfKey, keyObject } from './sync-plan.js';
import { keyColumns } from './tables.js';

export function verifySteps(
  { cluster, places, filling }: Rebuilt,
  stage: 'filling' | 'dual',
  lookups: readonly Lookup[],
): VerifyStep[] {
  const offenders = lookups
    .filter((one) => one.old === cluster.old)
    .flatMap((one) => withoutLookup(one, filling) ?? []);
  const bind = layoutBind(places, stage);
  return cluster.parts.map(({ mapping, table }, index) => {
    const columns = writtenColumns(mapping);
    const expected = sql`select ${qualified('q', columns)} from (${mapping.query(bind)}) as q
where ${notQuarantined(cluster, places, mapping, 'q')}`;
    const actual = sql`select ${qualified('t', columns)} from ${bind(mapping.target)} as t
where ${notQuarantined(cluster, places, mapping, 't')}`;
    return {
      kind: 'verify',
      id: `${stage === 'dual' ? 'verify' : 'expand'}/verify/${table.name}`,
      title: `compare ${table.name} with ${cluster.id}`,
      relation: table.name,
      expected: expected.text,
      actual: actual.text,
      key: keyColumns(table, mapping.key),
      offenders: index === 0 ? offenders : [],
      retry: index === 0 ? { relation: cluster.id, sql: retryOne(cluster, places).text } : null,
    };
  });
}

/** The old row is locked first, as by whoever writes it; it may be gone. */
function retryOne(cluster: SplitCluster, places: Places): Sql {
  const keys = cluster.oldKey.map(
    (one) => sql`(z.key ->> ${literal(one.name)})::${trusted(one.type)}`,
  );
  const is = joined(
    cluster.oldKey.map((one, index) => sql`${name('o', one.name)} = ${keys[index] ?? sql``}`),
    ' and ',
  );
  return sql`select ${work(places, 'carry', cluster.id)}(${keys})
from ${stateTable('quarantine')} as z
left join lateral (
  select 1 from ${floorTable(cluster.id)} as o where ${is} for no key update
) as held on true
where z.id = $1`;
}

/**
 * Rows of the old release that the new one would not have: where rows are shared out, or told by
 * queries, nothing else finds them, and contract would take them away.
 */
export function keptSteps({ cluster, places }: Rebuilt): VerifyStep[] {
  if (cluster.sliced === null) return [];
  const bind = layoutBind(places, 'dual');
  return cluster.backward.flatMap((mapping, index): VerifyStep[] => {
    const table = cluster.olds[index]?.table;
    if (table === undefined) return [];
    const of = (rows: Sql, alias: string) =>
      sql`select ${qualified(alias, [...new Set([...mapping.key, ...mapping.slice])])}
from ${rows} as ${name(alias)} where ${notQuarantined(cluster, places, mapping, alias)}`;
    return [
      {
        kind: 'verify',
        id: `verify/kept/${table.name}`,
        title: `look for rows of ${table.name} that release ${places.to} would not have`,
        relation: table.name,
        // The old rows are what should be there: whoever reads the differences asks for those.
        expected: of(bind(mapping.target), 't').text,
        actual: of(sql`(${mapping.query(bind)})`, 'q').text,
        key: keyColumns(table, mapping.key),
        offenders: [],
        retry: null,
      },
    ];
  });
}

/** A column of the slice that a row belongs to. */
function sliceValue(
  { slice, via }: Mapping,
  index: number,
  { alias, places }: { readonly alias: string; readonly places: Places },
): Sql {
  if (via === null) return name(alias, slice[index] ?? '');
  const map = layoutBind(places, 'dual')(via.map);
  return sql`(select ${name('k', via.slice[index] ?? '')} from ${map} as k
where ${sameKey('k', via.drawn, alias, slice)})`;
}

function notQuarantined(
  cluster: SplitCluster,
  places: Places,
  mapping: Mapping,
  alias: string,
): Sql {
  const key = keyObject(
    cluster.oldKey.map((one, index) => ({
      name: one.name,
      type: one.type,
      value: sliceValue(mapping, index, { alias, places }),
    })),
  );
  return sql`not exists (select from ${stateTable('quarantine')} as z
where z.evolution = ${literal(places.evolution)} and z.relation = ${literal(cluster.id)}
and ${isOfKey('z', key)})`;
}
