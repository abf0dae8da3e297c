// The triggers that a cluster puts on old tables, and on what is kept beside them: which of them,
// on what, and under which lock. What they call is in sync-forward.ts and sync-keys.ts.

import type { SplitCluster } from '../changes/split-table.js';
import type { Sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { typesOf } from './compared.js';
import type { OldTable } from './mapping.js';
import { floorTable, relationOf } from './places.js';
import { type Lock, statement } from './statement.js';
import {
  existenceFunction,
  forgetFunction,
  forwardKeyFunction,
  tendFunction,
} from './sync-keys.js';
import { type Event, forwardName, type SyncPlan } from './sync-plan.js';
import {
  existenceTrigger,
  keyTrigger,
  spillTrigger,
  statementTrigger,
  truncateTrigger,
} from './sync-triggers.js';

/**
 * While nothing is synced yet, what is kept beside an old row follows it when its key changes and
 * goes with it when it goes.
 */
export function besideTriggers(cluster: SplitCluster, plan: SyncPlan): Statement[] {
  if (cluster.sliced !== null) return tendingTriggers(cluster, plan);
  const base = cluster.olds[0] as OldTable;
  // Only these tables can hold rows yet.
  const kept = new Set(
    cluster.parts.filter((part) => part.carried.length > 0).map((part) => part.table.name),
  );
  return [
    statement(forgetFunction(plan, false, kept)),
    statement(forgetFunction(plan, true, kept)),
    statement(forwardKeyFunction(plan, base)),
    ...removalTriggers(base, plan),
    ...existenceTriggers(cluster, plan),
  ];
}

/** The same where slices hold many rows: any write may take rows beside which something is kept. */
function tendingTriggers(cluster: SplitCluster, plan: SyncPlan): Statement[] {
  const kept = plan.forward.filter((_, index) => (cluster.parts[index]?.carried.length ?? 0) > 0);
  return cluster.olds.flatMap((old) => [
    ...(['update', 'delete', 'truncate'] as const).map((event) =>
      statement(tendFunction(plan, old, kept, event)),
    ),
    ...(old.isBase ? [statement(forwardKeyFunction(plan, old))] : []),
    ...writeTriggers(old, plan, ['update']),
    ...removalTriggers(old, plan),
  ]);
}

/** The triggers that an old table does not have since it was prepared. */
export function laterTriggers(cluster: SplitCluster, old: OldTable, plan: SyncPlan): Statement[] {
  if (!hasSpill(cluster) || (cluster.sliced === null && !old.isBase)) {
    return [...writeTriggers(old, plan), ...removalTriggers(old, plan)];
  }
  return writeTriggers(old, plan, cluster.sliced === null ? ['insert', 'update'] : ['insert']);
}

function existenceTriggers(cluster: SplitCluster, plan: SyncPlan): Statement[] {
  const columns = existenceColumns(cluster);
  if (columns.length === 0) return [];
  const at = forwardName(plan, cluster.id, 'existence');
  return [
    statement(existenceFunction(plan, cluster.parts)),
    statement(existenceTrigger(floorTable(cluster.id), columns, at), syncLock(cluster.id)),
  ];
}

/** Old columns on which it hangs whether anything that is kept beside the old rows counts. */
export function existenceColumns({ parts }: SplitCluster): string[] {
  const all = parts.flatMap(({ existence, carried, absence, mapping }) => [
    ...((existence.isGone !== null && carried.length > 0) ||
    (existence.isAlive !== null && absence !== null)
      ? existence.columns
      : []),
    ...mapping.kept.flatMap((one) => one.watches),
  ]);
  return [...new Set(all)];
}

function writeTriggers(
  { relation }: OldTable,
  plan: SyncPlan,
  events: readonly Event[] = ['insert', 'update'],
): Statement[] {
  return events.map((event) =>
    statement(
      statementTrigger(floorTable(relation.name), event, forwardName(plan, relation.name, event)),
      syncLock(relation.name),
    ),
  );
}

/** For what makes an old row go, or moves it. */
function removalTriggers({ relation, table, key, isBase }: OldTable, plan: SyncPlan): Statement[] {
  const source = floorTable(relation.name);
  const forward = (event: 'delete' | 'truncate' | 'key') => forwardName(plan, relation.name, event);
  return [
    statementTrigger(source, 'delete', forward('delete')),
    truncateTrigger(source, forward('truncate')),
    ...(isBase ? [keyTrigger(source, key, typesOf(table), forward('key'))] : []),
  ].map((one) => statement(one, syncLock(relation.name)));
}

export function spill(at: Sql, routine: Sql): Statement {
  return statement(spillTrigger(at, routine), {
    mode: 'SHARE ROW EXCLUSIVE',
    relation: relationOf(at),
  });
}

function syncLock(relation: string): Lock {
  return { mode: 'SHARE ROW EXCLUSIVE', relation };
}

/**
 * Whether anything is kept beside the old rows: absences, or columns that only the new release
 * knows.
 */
export function hasSpill(cluster: SplitCluster): boolean {
  return cluster.parts.some(
    ({ absence, carried, mapping }) =>
      absence !== null || carried.length > 0 || mapping.kept.length > 0,
  );
}
