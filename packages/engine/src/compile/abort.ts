// Abort: everything of the evolution goes in one transaction; the old tables are as they were,
// since nothing of them was ever changed but by adding.

import type { SplitCluster } from '../changes/split-table.js';
import { literal, name, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { addedColumns, addedIndexes, physicalDefinition } from './classify.js';
import { exclusive, type Shared } from './contract.js';
import { eachRelation } from './each-relation.js';
import type { PairedTable } from './layout.js';
import { floorSchema, floorTable, type Places, stateTable } from './places.js';
import { statement } from './statement.js';

export function abortStatements(
  clusters: readonly SplitCluster[],
  shared: readonly Shared[],
  places: Places,
): Statement[] {
  const touched = [
    ...clusters.map((cluster) => cluster.id),
    ...shared.filter((one) => one.kind !== 'same').map((one) => one.pair.old.name),
  ].sort();
  return [
    // Views first: sessions of the new release lock the view and then the table under it. Then the
    // tables in one order: what follows needs no further lock that an application holds.
    dropViews(places),
    ...touched.map((table) =>
      statement(sql`lock table ${floorTable(table)} in access exclusive mode`, exclusive(table)),
    ),
    statement(sql`drop schema if exists ${name(places.releaseSchema)} cascade`),
    statement(sql`drop schema if exists ${name(places.workSchema)} cascade`),
    ...shared.flatMap(({ pair, kind }) => (kind === 'same' ? [] : dropAdded(pair))),
    // What could not be carried to the new layout is in the old one, and nothing is wrong with it.
    statement(sql`delete from ${stateTable('quarantine')} as q
where q.evolution = ${literal(places.evolution)}`),
  ];
}

/** What the new release has put on a table that both releases share. */
function dropAdded(pair: PairedTable): Statement[] {
  const { name: table } = pair.old;
  const lock = exclusive(table);
  return [
    ...addedIndexes(pair)
      .filter((index) => physicalDefinition(pair, index) !== null)
      .map((index) =>
        statement(sql`drop index if exists ${floorSchema(table)}.${name(index.name)}`, lock),
      ),
    ...addedColumns(pair).map((column) =>
      statement(
        sql`alter table ${floorTable(table)} drop column if exists ${name(column.name)}`,
        lock,
      ),
    ),
  ];
}

function dropViews(places: Places): Statement {
  return statement(
    eachRelation({
      schema: places.releaseSchema,
      which: sql`c.relkind = 'v'`,
      body: sql`execute format('drop view %I.%I',
      ${literal(places.releaseSchema)}, relation.relname);`,
    }),
    exclusive(`views of ${places.releaseSchema}`),
  );
}
