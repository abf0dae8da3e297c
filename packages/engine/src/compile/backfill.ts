// Filling the new tables of a cluster from its old one, batch by batch.
//
// A batch takes only rows that it has locked against every change, and copies them in a later
// statement: what was written before the lock is seen there, and what comes after is carried by
// sync, which finds the batch's rows. Of rows that have appeared in the range between the two,
// those in nobody's hands are locked and looked at as well; the others are sync's alone, since of a
// row copied unlocked a concurrent delete would miss the copy.

import type { SplitCluster } from '../changes/split-table.js';
import { isSameSet } from '../release/catalog.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import type { BackfillStep } from './bundle.js';
import { bindWith, type OldTable, oldRelation } from './mapping.js';
import { floorTable } from './places.js';
import { insertMissing, lockSlices, slicesOf, type Target, updateMany } from './recompute.js';
import { insertMissingInSlices, updateInSlices } from './slices.js';
import { carryName, keyNames, renameSlices, type SyncPlan } from './sync-plan.js';
import { BATCH_LOCK, takesTurns } from './sync-turns.js';
import { keyColumns } from './tables.js';

/** The rows of a batch, under a name that no table of a release has. */
const BATCH = name('halflap_batch');

export function backfillSteps(cluster: SplitCluster, filling: SyncPlan): BackfillStep[] {
  return cluster.sliced === null
    ? [backfillStep(cluster, filling)]
    : drivers(cluster).map((old) => sliceStep(cluster, filling, old));
}

function backfillStep(cluster: SplitCluster, filling: SyncPlan): BackfillStep {
  const source = floorTable(cluster.id);
  const keys = filling.key.map((one) => name('source', one.name));
  const strength = takesTurns(filling) ? BATCH_LOCK.joined : BATCH_LOCK.alone;
  const locked = (columns: Sql | readonly Sql[]) => sql`select ${columns} from ${source} as source
where ${trusted('{{range:source}}')} order by ${keys} ${strength}`;
  return {
    kind: 'backfill',
    id: `expand/backfill/${cluster.id}`,
    title: `fill ${cluster.parts.map((part) => part.table.name).join(', ')} from ${cluster.id}`,
    relation: cluster.id,
    source: source.text,
    key: filling.key,
    batch: [
      sql`select count(*) from (${locked(keys)}) as l`.text,
      sql`with ${BATCH} as materialized (
${locked(sql`source.*`)} skip locked),
${fills(cluster, filling)}
select count(*) from ${BATCH}`.text,
    ],
    oneByOne: [sql`select ${carryName(filling)}(${keys}) from (${locked(keys)}) as source`.text],
  };
}

/** All parts from one reading of the batch's rows. */
function fills(cluster: SplitCluster, filling: SyncPlan): Sql {
  const bind = bindWith(oldRelation(cluster.id), BATCH, filling.bind);
  // Rows that keep what only the new release knows are there already and are brought up to date.
  const keeps = new Set(
    cluster.parts.filter((part) => part.carried.length > 0).map((part) => part.mapping),
  );
  const statements = filling.forward.flatMap((target) => {
    const update = keeps.has(target.mapping) ? updateMany(target, bind, null) : null;
    return [
      ...(update === null ? [] : [update]),
      insertMissing(target, bind, isAnyFilled(filling, target)),
    ];
  });
  return joined(
    statements.map((one, index) => sql`${name(`filled_${index}`)} as (${one})`),
    ',\n',
  );
}

/** Whether sync or the lens has made any row of the range: mostly not, and then none is sought. */
function isAnyFilled(filling: SyncPlan, { mapping }: Target): Sql {
  const key = keyNames(filling).map(
    (one, index) => sql`${name('t', mapping.slice[index] ?? '')} as ${name(one)}`,
  );
  return sql`select exists (
      select from (select ${key} from ${filling.bind(mapping.target)} as t) as filled
      where ${trusted('{{range:filled}}')}
    )`;
}

/**
 * Old tables that are walked: those of which a row is a slice, and those that may have rows in a
 * slice without such a row.
 */
function drivers({ olds }: SplitCluster): OldTable[] {
  const bases = olds.filter((one) => isSameSet(one.key, one.table.primaryKey?.columns ?? []));
  const isCovered = ({ table, key }: OldTable) =>
    table.foreignKeys.some((one) =>
      bases.some(
        (base) =>
          base.table.name === one.referencedTable &&
          key.every((column, place) => {
            const at = one.columns.indexOf(column);
            return at >= 0 && one.referencedColumns[at] === base.key[place];
          }),
      ),
    );
  return olds.filter((one) => bases.includes(one) || !isCovered(one));
}

/**
 * Slices of the batch's rows. New rows that are there already are locked in a statement of their
 * own and brought up to date; a row that somebody makes meanwhile is right as he makes it.
 */
function sliceStep(cluster: SplitCluster, filling: SyncPlan, old: OldTable): BackfillStep {
  const { table } = old;
  const source = floorTable(table.name);
  const range = trusted('{{range:source}}');
  const key = keyColumns(table, table.primaryKey?.columns ?? []);
  const order = key.map((one) => name('source', one.name));
  const strength = takesTurns(filling) ? BATCH_LOCK.joined : BATCH_LOCK.alone;
  const locked = (columns: Sql | readonly Sql[]) => sql`select ${columns} from ${source} as source
where ${range} order by ${order} ${strength}`;
  const slicesIn = (rows: Sql) => slicesOf(rows, old.key, keyNames(filling));
  const slicesFrom = (rows: Sql, { mapping }: Target) =>
    sql`select distinct * from (${renameSlices(filling, slicesIn(rows), mapping)}) as slices`;
  const inRange = sql`(select source.* from ${source} as source where ${range})`;
  const statements = filling.forward.flatMap((target) => {
    const slices = slicesFrom(BATCH, target);
    const update = updateInSlices(target, filling.bind, slices);
    return [
      ...(update === null ? [] : [update]),
      insertMissingInSlices(target, filling.bind, slices),
    ];
  });
  const filled = statements.map((one, index) => sql`${name(`filled_${index}`)} as (${one})`);
  const held = filling.forward.map((target, index) => {
    const rows = lockSlices(target, filling.bind, slicesFrom(inRange, target));
    return sql`(select count(*) from (${rows}) as ${name(`held_${index}`)})`;
  });
  const carry = old.key.map((one) => name('source', one));
  return {
    kind: 'backfill',
    id: `expand/backfill/${table.name}`,
    title: `fill ${cluster.parts.map((part) => part.table.name).join(', ')} from ${table.name}`,
    relation: table.name,
    source: source.text,
    key,
    batch: [
      sql`select count(*) from (${locked(order)}) as l`.text,
      sql`select ${joined(held, ' + ')}`.text,
      sql`with ${BATCH} as materialized (
${locked(sql`source.*`)} skip locked),
${joined(filled, ',\n')}
select count(*) from ${BATCH}`.text,
    ],
    oneByOne: [
      sql`select ${carryName(filling)}(${carry}) from (${locked(sql`source.*`)}) as source`.text,
    ],
  };
}
