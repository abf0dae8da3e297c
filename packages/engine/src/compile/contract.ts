// Contract: the old release is fenced in one transaction, constraints that bind the new release
// alone are validated, then the old layout goes.
//
// Names (DESIGN section 5): a table whose name or columns changed leaves the home schema for the
// release schema, and a tombstone stands in its place until the next evolution moves it home
// (home.ts).

import { HOME_SCHEMA } from '@halflap/protocol';
import type { SplitPartPlan } from '../changes/split-table.js';
import type { Catalog, Table } from '../release/catalog.js';
import { typesOnlyIn } from '../release/types-apart.js';
import { literal, name, type Sql, sql } from '../sql.js';
import type { Statement, TransactionStep } from './bundle.js';
import type { Evolving } from './compile.js';
import { copySettings } from './copy-settings.js';
import { copyPartRights } from './grants.js';
import { dropNewKeyFunctions } from './key-maps-new.js';
import type { PairedTable } from './layout.js';
import { type OldTable, oldNames } from './mapping.js';
import { fenced, floorTable, inRelease, type Places, work } from './places.js';
import { backwardFunctions, type Rebuilt } from './rebuilt.js';
import { routine } from './routine.js';
import { handOver } from './sequence-contract.js';
import { exclusive, moving, statement, transactionStep } from './statement.js';
import {
  backwardName,
  EVENTS,
  type Event,
  FORWARD_EVENTS,
  forwardName,
  quietSequence,
  type SyncPlan,
} from './sync-plan.js';
import { isSliced } from './sync-slices.js';
import { type Fence, tombstone } from './tombstone.js';

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
export function oldFence({ places, from, to }: Evolving): Fence {
  return { release: places.from, successor: places.to, goneTypes: typesOnlyIn(from, to) };
}

/**
 * The old table of a cluster goes aside, and nothing else is locked: writers of the new release
 * hold theirs and want this one. So they go on filling it there, until there is nobody who looks.
 */
export function fenceCluster(
  { cluster, fenced: plan, places }: Rebuilt,
  evolving: Evolving,
): Statement[] {
  return [
    ...endForward(plan, places.from),
    ...cluster.parts.flatMap((part) => backwardFunctions(cluster, part, plan)),
    // Stand there when a verb was interrupted before it took away what is left of the lens.
    ...cluster.parts.map((part) => statement(dropView(work(places, part.table.name)))),
    // Once more: rights may have been granted on the old table since the shard was prepared.
    ...cluster.parts.flatMap((part) =>
      copyPartRights(part, inRelease(places, part.table.name), places),
    ),
    ...cluster.olds.flatMap((old) => {
      const mapping = cluster.backward.find((one) => one.target === old.relation);
      return putAside(old, mapping?.key ?? old.key, evolving);
    }),
  ];
}

/**
 * The triggers of the old tables find nothing to do from now on; to drop them needs a stronger
 * lock.
 * @param release the one that is not served any more.
 */
export function endForward(plan: SyncPlan, release: string): Statement[] {
  const functions = plan.cluster.olds.flatMap(({ relation }) =>
    FORWARD_EVENTS.map((event) => forwardName(plan, relation.name, event)),
  );
  return functions.map((at) =>
    statement(
      routine(plan.places, {
        at,
        returns: 'trigger',
        about: `nothing: release ${release} is not served any more`,
        body: [sql`return null;`],
      }),
    ),
  );
}

function putAside({ table }: OldTable, key: readonly string[], evolving: Evolving): Statement[] {
  const { from, places } = evolving;
  const lock = exclusive(table.name);
  const move = sql`alter table ${floorTable(table.name)} set schema ${name(places.workSchema)}`;
  return [
    statement(move, moving(table.name)),
    ...freeRules(table, key, from).map((rule) =>
      statement(sql`alter table ${fenced(places, table.name)} drop constraint ${name(rule)}`, lock),
    ),
    ...tombstone(table, name(HOME_SCHEMA, table.name), oldFence(evolving), places),
  ];
}

export function fenceDropped(table: Table, evolving: Evolving): Statement[] {
  const { places } = evolving;
  return [
    statement(
      sql`alter table ${floorTable(table.name)} set schema ${name(places.workSchema)}`,
      moving(table.name),
    ),
    ...tombstone(table, name(HOME_SCHEMA, table.name), oldFence(evolving), places),
  ];
}

/**
 * Rules of the old release bind nobody any more, and its table is soon kept in part only. What sync
 * finds rows by, and what a foreign key refers to, stays.
 */
function freeRules(table: Table, key: readonly string[], from: Catalog): string[] {
  const columnsOf = (list: readonly string[]) => [...list].sort().join();
  const needed = new Set([
    columnsOf(key),
    ...from.tables
      .flatMap((one) => one.foreignKeys)
      .filter((one) => one.referencedTable === table.name)
      .map((one) => columnsOf(one.referencedColumns)),
  ]);
  const uniques = table.uniques.filter((one) => !needed.has(columnsOf(one.columns)));
  return [...table.checks, ...table.exclusions, ...uniques].map((rule) => rule.name);
}

/**
 * Clusters stop one after the other to fill their old tables: keys from one to another would miss
 * rows. The keys of the new release stand by now.
 */
export function freeStep(clusters: readonly Rebuilt[], places: Places): TransactionStep[] {
  const statements = clusters.flatMap(({ cluster }) => {
    const others = oldNames(clusters.filter((one) => one.cluster !== cluster));
    return cluster.olds.flatMap(({ table }) =>
      table.foreignKeys
        .filter((key) => others.includes(key.referencedTable))
        .map((key) =>
          statement(
            sql`alter table ${fenced(places, table.name)} drop constraint ${name(key.name)}`,
            exclusive(`${places.workSchema}.${table.name}`),
          ),
        ),
    );
  });
  if (statements.length === 0) return [];
  const title = `foreign keys among the tables of release ${places.from} go`;
  return [transactionStep('contract/free', title, statements)];
}

function dropView(at: Sql): Sql {
  return sql`drop view if exists ${at}`;
}

/**
 * From here on only what makes and takes whole rows of the old table reaches it. All parts at once:
 * one that is still carried would miss the old row of a base row that is not.
 */
export function quietStep(clusters: readonly Rebuilt[], places: Places): TransactionStep[] {
  const statements = clusters.flatMap(({ cluster, fenced: plan }) => {
    const parts = isSliced(plan) ? [] : cluster.parts.filter((part) => !part.isBase);
    return endAllBackward(
      plan,
      parts.flatMap((part) => EVENTS.map((event) => [part.table.name, event] as const)),
    );
  });
  if (statements.length === 0) return [];
  const title = `the layout of release ${places.from} is not kept any more`;
  return [transactionStep('contract/quiet', title, statements)];
}

/** Sessions that know the functions as they were do not mind any more what those meet. */
function endAllBackward(
  plan: SyncPlan,
  all: readonly (readonly [table: string, event: Event | 'key'])[],
): Statement[] {
  if (all.length === 0) return [];
  const functions = all.map(([table, event]) =>
    routine(plan.places, {
      at: backwardName(plan, table, event),
      returns: 'trigger',
      about: `nothing: release ${plan.places.from} is not served any more`,
      body: [sql`return null;`],
    }),
  );
  const tell = sql`select nextval(${literal(quietSequence(plan).text)}::regclass)`;
  return [tell, ...functions].map((one) => statement(one));
}

/**
 * Where slices hold many rows, no part is carried without the others: what one takes from a slice
 * another may bring, and all are compared. Nor is a cluster whose keys others look up. They end
 * together, when nothing refers to the old tables any more.
 */
export function quietSlicesStep(clusters: readonly Rebuilt[], places: Places): TransactionStep[] {
  const statements = clusters.flatMap(({ cluster, fenced: plan }) =>
    isSliced(plan)
      ? endAllBackward(
          plan,
          cluster.parts.flatMap((part) =>
            [...EVENTS, ...(part.isBase ? (['key'] as const) : [])].map(
              (event) => [part.table.name, event] as const,
            ),
          ),
        )
      : [],
  );
  if (statements.length === 0) return [];
  const title = `rows of release ${places.from} that hang together are not kept any more`;
  return [transactionStep('contract/quiet/slices', title, statements)];
}

/** A new table stands on its own: a step each, since it is in use. */
export function standAlone(rebuilt: Rebuilt, evolving: Evolving): TransactionStep[] {
  const { cluster, fenced: plan } = rebuilt;
  return cluster.parts.map((part) =>
    transactionStep(
      `contract/alone/${part.table.name}`,
      `${part.table.name} loses the triggers of sync`,
      [
        ...dropBackward(part, plan),
        ...cluster.keys
          .filter((map) => map.table === part.table)
          .flatMap((map) => dropNewKeyFunctions(map, plan.places)),
        ...handOver(cluster, part, evolving),
        ...copySettings(rebuilt, part, 'fenced'),
      ],
    ),
  );
}

function dropBackward(part: SplitPartPlan, plan: SyncPlan): Statement[] {
  const table = part.table.name;
  const events = [
    ...EVENTS,
    'truncate',
    ...(part.isBase ? (['key'] as const) : []),
    ...(isSliced(plan) ? (['yield'] as const) : []),
  ] as const;
  return events.map((event) =>
    statement(
      sql`drop function ${backwardName(plan, table, event)}() cascade`,
      exclusive(`${plan.places.releaseSchema}.${table}`),
    ),
  );
}
