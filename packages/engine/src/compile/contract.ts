// Contract: the old release is fenced in one transaction, constraints that bind the new release
// alone are validated, then the old layout goes.
//
// Names (DESIGN section 5): a table whose name or columns changed leaves the home schema for the
// release schema, and a tombstone stands in its place; the contract of the next evolution moves
// home what that evolution left as it was.

import { HOME_SCHEMA } from '@halflap/protocol';
import type { SplitPartPlan } from '../changes/split-table.js';
import { literal, name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { eachRelation } from './each-relation.js';
import { copyPartRights } from './grants.js';
import type { PairedTable } from './layout.js';
import { floorTable, inRelease, type Places } from './places.js';
import type { Rebuilt } from './rebuilt.js';
import { handOver } from './sequences.js';
import { type Lock, statement } from './statement.js';
import { backwardName, type SyncPlan } from './sync-plan.js';
import { type Fence, isTombstone, tombstone } from './tombstone.js';

/** One table that both releases shared, on its way to be the new release's alone. */
export interface Shared {
  readonly pair: PairedTable;
  readonly kind: 'same' | 'native' | 'overlay';
}

/** Where the table is after contract: what changed leaves the home schema. */
export function sharedPlace({ kind, pair }: Shared, places: Places): Sql {
  return kind === 'overlay' ? inRelease(places, pair.new.name) : floorTable(pair.old.name);
}

/** What the old release meets after contract. */
export function oldFence(places: Places): Fence {
  return { release: places.from, successor: places.to, goneTypes: new Set() };
}

export function exclusive(relation: string): Lock {
  return { mode: 'ACCESS EXCLUSIVE', relation };
}

/** The old table of a cluster goes aside; the new ones stand on their own. */
export function fenceCluster({ cluster, dual: plan, places, to }: Rebuilt): Statement[] {
  const old = floorTable(cluster.id);
  return [
    ...cluster.parts.flatMap((part) => dropBackward(part, plan)),
    ...cluster.parts.flatMap((part) => handOver(part, cluster.id, to, places)),
    // Once more: rights may have been granted on the old table since the shard was prepared.
    ...cluster.parts.flatMap((part) =>
      copyPartRights(part, inRelease(places, part.table.name), places),
    ),
    statement(sql`alter table ${old} set schema ${name(places.workSchema)}`, exclusive(cluster.id)),
    ...tombstone(cluster.old, name(HOME_SCHEMA, cluster.id), oldFence(places), places),
  ];
}

function dropBackward(part: SplitPartPlan, plan: SyncPlan): Statement[] {
  const table = part.table.name;
  const events = [
    'insert',
    'update',
    'delete',
    'truncate',
    ...(part.isBase ? ['key'] : []),
  ] as const;
  return events.map((event) =>
    statement(
      sql`drop function ${backwardName(plan, table, event as 'key')}() cascade`,
      exclusive(`${plan.places.releaseSchema}.${table}`),
    ),
  );
}

/**
 * Tables that the last evolution left in its release schema come home, if this one left them alone.
 */
export function moveHome(places: Places, floorSchema: string): Statement[] {
  return [
    statement(
      eachRelation({
        schema: floorSchema,
        which: sql`c.relkind in ('r', 'p') and not c.relispartition`,
        body: sql`if exists (
      select from pg_class as v join pg_namespace as n on n.oid = v.relnamespace
      where n.nspname = ${literal(HOME_SCHEMA)} and v.relname = relation.relname
        and ${isTombstone('v')}
    ) then
      execute format('drop view %I.%I', ${literal(HOME_SCHEMA)}, relation.relname);
    end if;
    execute format('alter table %I.%I set schema %I',
      ${literal(floorSchema)}, relation.relname, ${literal(HOME_SCHEMA)});`,
      }),
      exclusive(`tables of ${places.from} that stay`),
    ),
  ];
}
