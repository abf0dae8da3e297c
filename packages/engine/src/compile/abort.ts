// Abort: the shard returns to the old release; the old tables are as they were, since nothing of
// them was ever changed but by adding.
//
// | step                    | does                                            | waits for        |
// |-------------------------|-------------------------------------------------|------------------|
// | abort/fence             | the new release is refused, sync ends           | old writers      |
// | abort/triggers/TABLE    | the old table loses its triggers                | one table        |
// | abort/foreign-keys/TABLE | keys to a table that stays go                  | one table        |
// | abort/data              | rows that the new release has shipped go        | nobody           |
// | abort/drop              | what the evolution has made goes                | nobody           |
// | abort/columns/TABLE     | a shared table loses what it had gained         | one table        |
//
// Invariant: no step waits for a second relation that clients use while it holds a first one, but
// for several old tables. In dual the two releases lock in opposite orders (old writers the old
// table first, new writers the new one), so whoever wants both tables waits in a circle with one of
// them, whatever order he takes. So the fence renames the whole release schema, which locks nothing
// that is in it, and tombstones stand in its place for the next statement; what is under way ends
// as it began, or meets a tombstone and is refused as a whole. Nobody finds the renamed tables, and
// they are dropped at leisure.

import type { Table } from '../release/catalog.js';
import { typesOnlyIn } from '../release/types-apart.js';
import { literal, name, type Sql, sql } from '../sql.js';
import type { Statement, Step, TransactionStep } from './bundle.js';
import { addedColumns, addedIndexes, physicalIndexName } from './classify.js';
import type { Evolving } from './compile.js';
import { endForward } from './contract.js';
import { dropSchemas } from './dependents.js';
import { duplicatesTriggers, endDuplicates } from './duplicates.js';
import { oldKeyTriggerNames } from './key-maps.js';
import type { PairedTable } from './layout.js';
import { abortLookup, oldTriggers } from './lookups.js';
import { oldNames } from './mapping.js';
import { floorSchema, floorTable, inRelease, stateTable } from './places.js';
import { dropKeysTo } from './repoint.js';
import { abortShipped } from './shipped.js';
import { exclusive, statement, transactionStep } from './statement.js';
import { FORWARD_EVENTS } from './sync-plan.js';
import { tombstone } from './tombstone.js';

export function abortSteps(evolving: Evolving): Step[] {
  const { clusters, shared } = evolving;
  const steps = [
    fenceStep(evolving),
    ...oldNames(clusters).map((table) => triggersStep(table, besideNames(evolving, table))),
    ...lookupSteps(evolving),
    ...foreignKeySteps(evolving),
    ...abortShipped(evolving),
    dropStep(evolving),
    ...shared.flatMap(({ pair, kind }) => (kind === 'same' ? [] : columnsStep(pair, evolving))),
  ];
  return steps.map((step, index) =>
    index === steps.length - 1 ? { ...step, settles: 'from', entersPhase: 'settled' } : step,
  );
}

/** Locks out writers of the old tables only: their readers, of both releases, go on. */
function fenceStep(evolving: Evolving): TransactionStep {
  const { clusters, places } = evolving;
  const { releaseSchema, goneSchema } = places;
  const tables = oldNames(clusters).sort();
  return transactionStep(
    'abort/fence',
    `release ${places.to} is refused; the shard returns to release ${places.from}`,
    [
      ...clusters.flatMap(({ dual }) => endForward(dual, places.to)),
      ...evolving.layout.lookups.flatMap((one) => abortLookup(one, places)),
      ...evolving.duplicates.flatMap((one) => endDuplicates(one, places)),
      statement(sql`alter schema ${name(releaseSchema)} rename to ${name(goneSchema)}`),
      ...fenceNew(evolving),
      // At last: what is above is seen once it is committed, when none of them is under way.
      ...tables.map((table) =>
        statement(sql`lock table ${floorTable(table)} in share row exclusive mode`, {
          mode: 'SHARE ROW EXCLUSIVE',
          relation: table,
        }),
      ),
      // From here on the shard says of itself that it serves the old release alone.
      statement(sql`update ${stateTable('shard')} as s
set ceiling = s.floor, changed_at = clock_timestamp()`),
    ],
  );
}

/** A session of the new release must not fall through to tables of the old one by their names. */
function fenceNew({ places, from, to, layout, clusters, shared }: Evolving): Statement[] {
  const schema = name(places.releaseSchema);
  const tables = [
    ...clusters.flatMap(({ cluster }) => cluster.parts.map((part) => part.table)),
    ...shared.filter((one) => one.kind !== 'same').map((one) => one.pair.new),
    ...layout.added,
  ];
  const goneTypes = typesOnlyIn(to, from);
  const fence = { release: places.to, successor: places.from, goneTypes };
  return [
    statement(sql`create schema ${schema}`),
    statement(sql`grant usage on schema ${schema} to public`),
    ...tables.flatMap((table) => tombstone(table, inRelease(places, table.name), fence, places)),
  ];
}

/** Triggers of lookup tables, key maps and duplicates on a table of the old release. */
function besideNames({ layout, duplicates }: Evolving, table: string): Sql[] {
  return [
    ...duplicatesTriggers(duplicates, table),
    ...layout.lookups.map(oldTriggers).flatMap((one) => (one.table === table ? one.names : [])),
    ...layout.keys.filter(({ old }) => old.name === table).flatMap(oldKeyTriggerNames),
  ];
}

/** Lookup tables of the old release are in no cluster. */
function lookupSteps(evolving: Evolving): TransactionStep[] {
  const known = new Set(oldNames(evolving.clusters));
  const tables = evolving.layout.lookups.map((one) => oldTriggers(one).table);
  return [...new Set(tables)]
    .filter((table) => !known.has(table))
    .map((table) => triggersStep(table, besideNames(evolving, table)));
}

function triggersStep(table: string, lookups: readonly Sql[]): TransactionStep {
  return transactionStep(
    `abort/triggers/${table}`,
    `${table} loses the triggers of sync`,
    [...FORWARD_EVENTS.map((event) => name(`halflap_sync_${event}`)), ...lookups].map((trigger) =>
      statement(sql`drop trigger if exists ${trigger} on ${floorTable(table)}`, exclusive(table)),
    ),
  );
}

/** A step for each table that stays and that a table which goes may refer to. */
function foreignKeySteps(evolving: Evolving): TransactionStep[] {
  const { places, clusters, layout } = evolving;
  const parts = clusters.flatMap(({ cluster }) => cluster.parts.map((part) => part.table));
  const targets = (tables: readonly Table[], isAdded: boolean) =>
    tables
      .flatMap((table) => table.foreignKeys)
      .flatMap((key) => staying(evolving, key.referencedTable, isAdded) ?? []);
  const tables = new Set([...targets(parts, false), ...targets(layout.added, true)]);
  return [...tables].map((table) =>
    transactionStep(
      `abort/foreign-keys/${table}`,
      `foreign keys of release ${places.to} to ${table} go`,
      // Where a new table is depends on how far the shard had come.
      [dropKeysTo(floorTable(table), [places.workSchema, places.goneSchema])],
    ),
  );
}

/** The old table to which a key of the new release may point, physically; null for none. */
function staying({ shared, clusters }: Evolving, table: string, isAdded: boolean): string | null {
  const own = shared.find(({ pair }) => pair.new.name === table);
  if (own !== undefined || !isAdded) return own?.pair.old.name ?? null;
  const cluster = clusters.find((one) =>
    one.cluster.parts.some((part) => part.isBase && part.table.name === table),
  );
  return cluster?.cluster.id ?? null;
}

function dropStep(evolving: Evolving): TransactionStep {
  const { places } = evolving;
  const schemas = [places.goneSchema, places.lensSchema, places.workSchema];
  return transactionStep('abort/drop', `what release ${places.to} had goes`, [
    ...dropSchemas('abort', schemas, evolving),
    // What could not be carried to the new layout is in the old one, and nothing is wrong with it.
    statement(sql`delete from ${stateTable('quarantine')} as q
where q.evolution = ${literal(places.evolution)}`),
  ]);
}

/** What the new release has put on a table that both releases share. */
function columnsStep(pair: PairedTable, { places, from }: Evolving): TransactionStep[] {
  const { name: table } = pair.old;
  const lock = exclusive(table);
  const statements = [
    ...addedIndexes(pair).map((index) => {
      const called = name(physicalIndexName(from, index));
      return statement(sql`drop index if exists ${floorSchema(table)}.${called}`, lock);
    }),
    ...addedColumns(pair).map((column) =>
      statement(
        sql`alter table ${floorTable(table)} drop column if exists ${name(column.name)}`,
        lock,
      ),
    ),
  ];
  if (statements.length === 0) return [];
  const first = statement(sql`lock table ${floorTable(table)} in access exclusive mode`, lock);
  return [
    transactionStep(`abort/columns/${table}`, `${table} is as in release ${places.from}`, [
      first,
      ...statements,
    ]),
  ];
}
