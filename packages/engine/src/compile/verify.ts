// Verify: what the new layout should hold, computed from the old one, against what it holds. Rows
// in quarantine are left out on both sides: they are known to differ, and contract waits for them.

import type { SplitCluster } from '../changes/split-table.js';
import { literal, name, type Sql, sql } from '../sql.js';
import type { VerifyStep } from './bundle.js';
import { qualified } from './compared.js';
import type { Mapping } from './mapping.js';
import { layoutBind, type Places, stateTable } from './places.js';

export function verifySteps(
  cluster: SplitCluster,
  places: Places,
  stage: 'filling' | 'dual',
): VerifyStep[] {
  const bind = layoutBind(places, stage);
  return cluster.parts.map(({ mapping, table, key }) => {
    const columns = [...mapping.slice, ...mapping.columns];
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
      key: key.map((one) => ({ name: one.new.name, type: one.new.type })),
      offenders: [],
    };
  });
}

function notQuarantined(
  cluster: SplitCluster,
  places: Places,
  mapping: Mapping,
  alias: string,
): Sql {
  const pairs = cluster.oldKey.map(
    (one, index) => sql`${literal(one.name)}, ${name(alias, mapping.slice[index] ?? '')}`,
  );
  return sql`not exists (select from ${stateTable('quarantine')} as z
where z.evolution = ${literal(places.evolution)} and z.relation = ${literal(cluster.id)}
and z.key = jsonb_build_object(${pairs}))`;
}
