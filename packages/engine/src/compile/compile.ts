// From two releases and an evolution to a bundle: calls every generator in order and puts their
// statements into steps. Pure: no database, no clock.
//
// Order within a step follows from what needs what: types and sequences, tables, views over them,
// foreign keys, rights. A visible state appears in exactly one transaction.

import { releaseSchema } from '@halflap/protocol';
import type { Catalog, Table } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import type { Release } from '../release/release.js';
import { literal, name, sql } from '../sql.js';
import { abortSteps } from './abort.js';
import { addedTable, newTypes } from './added.js';
import { BUNDLE_FORMAT, type Bundle, type Statement, type Step } from './bundle.js';
import { bundleHash } from './bundle-hash.js';
import {
  fenceCluster,
  fenceDropped,
  freeStep,
  quietSlicesStep,
  quietStep,
  type Shared,
  sharedPlace,
  standAlone,
} from './contract.js';
import { fenceShared, validateShared } from './contract-shared.js';
import { copySettings, refuseTuned } from './copy-settings.js';
import { copySettingsFunction } from './copy-settings-function.js';
import { defaultFunctions } from './defaults.js';
import { dropSchemas, refuseDependents } from './dependents.js';
import { dirtySteps } from './dirty-rows.js';
import { createDuplicates, type Duplicates, endDuplicates, fillDuplicates } from './duplicates.js';
import type { ForeignKeyPlan } from './foreign-keys.js';
import { grantFunctions, usageForAll } from './grants.js';
import { sequencesHome, tablesHome } from './home.js';
import { createKeyMap, fillKeyMap, oldKeyTriggers } from './key-maps.js';
import type { Layout } from './layout.js';
import { lookupTriggers } from './lookup-triggers.js';
import {
  dropLookup,
  endLookup,
  fillLookup,
  isNewTable,
  isOldTable,
  lookupFunctions,
} from './lookups.js';
import { oldNames } from './mapping.js';
import { constraintsView } from './named-constraints.js';
import { addColumns, overlayIndexSteps, overlayVerify, overlayView } from './overlay.js';
import { overlayUpserts } from './overlay-upsert.js';
import { fenced, keyMapTable, type Places, temporary, work } from './places.js';
import {
  drawFunctions,
  fillRebuilt,
  newTables,
  prepareRebuilt,
  type Rebuilt,
  syncRebuilt,
} from './rebuilt.js';
import { relationPlans } from './relations.js';
import { dropKeysTo } from './repoint.js';
import { evolvingOf, resolve } from './resolve.js';
import type { Routine } from './routine.js';
import { dropSequences, takeSequences } from './sequence-contract.js';
import type { SequencePlan } from './sequence-plan.js';
import { sessionLens } from './session-lens.js';
import { moveStatisticsFrom } from './setting-statements.js';
import { indexSettings, settingSteps } from './settings.js';
import { isCarrying, shippedSteps } from './shipped.js';
import type { ShippedPlan } from './shipped-plan.js';
import { statement, transactionStep } from './statement.js';
import { switchSteps } from './switch.js';
import { oldWrites, quarantineCount, quietSequence, type SyncPlan } from './sync-plan.js';
import { dropTombstones } from './tombstone.js';
import { dropTypes, newTypesHome, refuseTypeDependents } from './type-contract.js';
import { keptSteps, verifySteps } from './verify.js';

export interface CompileInput {
  readonly app: string;
  readonly from: Release;
  readonly to: Release;
  readonly evolution: Evolution;
}

/** All that the steps are made from. */
export interface Evolving {
  readonly places: Places;
  /** With the types that mean something else in the new release put apart. */
  readonly from: Catalog;
  readonly to: Catalog;
  readonly evolution: Evolution;
  readonly layout: Layout;
  readonly clusters: readonly Rebuilt[];
  readonly shared: readonly Shared[];
  /** Functions by which columns follow in rows that break a rule. */
  readonly defaults: readonly Routine[];
  readonly duplicates: readonly Duplicates[];
  readonly sequences: SequencePlan;
  readonly foreignKeys: ForeignKeyPlan;
  readonly shipped: ShippedPlan;
}

/**
 * Compiles an evolution. The parser must be loaded (loadParser).
 * @throws EVOLUTION_INCOMPLETE, EVOLUTION_UNSUPPORTED, EVOLUTION_UNKNOWN_NAME with file and
 * position.
 */
export function compile(input: CompileInput): Bundle {
  const evolving = evolvingOf(input);
  const { places } = evolving;
  const bundle: Omit<Bundle, 'hash'> = {
    format: BUNDLE_FORMAT,
    app: input.app,
    from: summaryOf(input.from),
    to: summaryOf(input.to),
    releaseSchema: places.releaseSchema,
    workSchema: places.workSchema,
    relations: relationPlans(evolving),
    steps: {
      prepare: [...dirtySteps(evolving, 'prepare'), ...prepareSteps(evolving)],
      expand: [...dirtySteps(evolving, 'expand'), ...expandSteps(evolving)],
      verify: [
        ...evolving.clusters.flatMap((one) => verifySteps(one, 'dual', evolving.layout.lookups)),
        ...evolving.clusters.flatMap(keptSteps),
        ...evolving.shared.flatMap(({ pair }) => overlayVerify(pair, 'verify')),
        ...evolving.foreignKeys.verify,
      ],
      contract: contractSteps(evolving),
      abort: abortSteps(evolving),
    },
    evidence: {
      oldTables: goingTables(evolving),
      oldWrites: oldWrites(places).text,
    },
    // Its functions are in pg_temp, so expressions that call one are others.
    sessionLens: sessionLens(
      evolving.defaults.length === 0 ? evolving : resolve(input, temporary(places)),
    ),
  };
  return { ...bundle, hash: bundleHash(bundle) };
}

/** Lookup tables and key maps are filled before the new release can look into them. */
function prepareSteps(evolving: Evolving): Step[] {
  const { places, layout, clusters, duplicates } = evolving;
  const lookups = layout.lookups.filter(isNewTable);
  const tables = clusters.flatMap(newTables);
  if (lookups.length + layout.keys.length + duplicates.length === 0) {
    return [
      lensStep(evolving, [...beginPrepare(evolving), ...tables]),
      ...shippedSteps(evolving, bound(places)),
    ];
  }
  const added = layout.added.filter((table) => lookups.some((one) => one.table === table));
  return [
    transactionStep('prepare/lookup', `what release ${places.to} looks up begins to be filled`, [
      ...beginPrepare(evolving),
      ...tables,
      ...added.flatMap((table) => addedTable(table, evolving)),
      ...lookupFunctions(lookups, places, 'floor'),
      ...lookups.flatMap((one) => lookupTriggers(one, planOf(one.old, evolving))),
      ...layout.keys.flatMap((one) => createKeyMap(one, clusters, places)),
      ...layout.keys.flatMap((one) => oldKeyTriggers(one, planOf(one.old, evolving))),
      ...duplicates.flatMap((one) => createDuplicates(one, places)),
    ]),
    ...lookups.map((one) => fillLookup(one, places)),
    ...layout.keys.map((one) => fillKeyMap(one, places)),
    ...duplicates.map((one) => fillDuplicates(one, places)),
    lensStep(evolving, bound(places)),
    ...shippedSteps(evolving, bound(places)),
  ];
}

/** Sync of the table whose rows are looked up. */
function planOf(table: Table, { clusters }: Evolving): SyncPlan {
  const found = clusters.find(({ cluster }) => cluster.olds.some((one) => one.table === table));
  if (found === undefined) throw new Error(`${table.name} is not rebuilt`);
  return found.filling;
}

function beginPrepare(evolving: Evolving): Statement[] {
  const { places, clusters } = evolving;
  return [
    ...schemas(places),
    ...bound(places),
    ...grantFunctions(
      places,
      clusters.some(({ cluster }) => cluster.olds.length > 1),
    ),
    ...(clusters.length === 0 ? [] : [copySettingsFunction(places)]),
    ...sequencesHome(places),
    ...newTypes(evolving),
    ...defaultFunctions(evolving, places),
    statement(sql`create sequence ${oldWrites(places)}`),
    statement(sql`create sequence ${quarantineCount(places)}`),
    ...clusters.map(({ fenced }) => statement(sql`create sequence ${quietSequence(fenced)}`)),
  ];
}

function lensStep(evolving: Evolving, begun: readonly Statement[]): Step {
  const { places, evolution, clusters, shared, layout, foreignKeys } = evolving;
  const [filled, inOld] = [layout.lookups.filter(isNewTable), layout.lookups.filter(isOldTable)];
  const added = layout.added.filter((table) => filled.every((one) => one.table !== table));
  const overlays = shared.filter((one) => one.kind === 'overlay');
  const widened = shared.filter((one) => one.kind !== 'same');
  return transactionStep(
    'prepare/lens',
    `release ${places.to} gets a lens over release ${places.from}`,
    [
      ...begun,
      ...lookupFunctions(inOld, places, 'floor'),
      ...widened.flatMap((one) => addColumns(one.pair, evolution)),
      ...added.flatMap((table) => addedTable(table, evolving)),
      ...clusters.flatMap(prepareRebuilt),
      ...overlays.flatMap((one) => overlayView(one.pair, places)),
      ...constraintsView(shared, places),
      ...overlayUpserts(shared, places, evolution),
      ...layout.keys.map((one) => statement(sql`analyze ${keyMapTable(places, one.stated.name)}`)),
      ...foreignKeys.prepare,
      ...tablesHome(shared, places),
    ],
    // Rows that the new release expects are there before its servers are.
    { entersPhase: isCarrying(evolving) ? null : 'prepared' },
  );
}

function schemas(places: Places): Statement[] {
  const about = `Halflap ${places.evolution} {{hash}}`;
  return [
    dropTombstones(places.releaseSchema),
    statement(sql`create schema ${name(places.releaseSchema)}`),
    ...usageForAll(name(places.releaseSchema), `${about}: release ${places.to}`),
    statement(sql`create schema ${name(places.workSchema)}`),
    ...usageForAll(name(places.workSchema), `${about}: machinery`),
  ];
}

/** Names in definitions are those of the new release's schema.sql. */
function bound(places: Places): Statement[] {
  return [
    statement(
      sql`select set_config('search_path', ${literal(`"${places.releaseSchema}", public`)}, true)`,
    ),
  ];
}

function expandSteps(evolving: Evolving): Step[] {
  const { places, from, clusters, shared, foreignKeys } = evolving;
  const overlays = shared.filter((one) => one.kind !== 'same').map((one) => one.pair);
  return [
    transactionStep(
      'expand/sync',
      'old tables begin to fill the new ones as they are written',
      [
        ...bound(places),
        ...clusters.flatMap(syncRebuilt),
        ...evolving.layout.lookups
          .filter(isOldTable)
          .flatMap((one) => lookupTriggers(one, planOf(one.old, evolving))),
      ],
      { entersPhase: 'expanding' },
    ),
    ...clusters.flatMap(fillRebuilt),
    ...overlays.flatMap((pair) => overlayIndexSteps(pair, from)),
    ...foreignKeys.expand,
    ...(clusters.length === 0
      ? []
      : [
          transactionStep(
            'expand/analyze',
            'gather statistics of the new tables',
            clusters.flatMap(analyzed),
          ),
        ]),
    ...clusters.flatMap((one) => verifySteps(one, 'filling', evolving.layout.lookups)),
    ...overlays.flatMap((pair) => overlayVerify(pair, 'expand')),
    {
      kind: 'barrier',
      id: 'expand/barrier',
      title: 'wait for transactions that began before the new tables were full',
    },
    ...switchSteps(evolving, bound(places)),
  ];
}

/** With the statistics that are asked of each column. */
function analyzed(one: Rebuilt): Statement[] {
  return one.cluster.parts.flatMap((part) => {
    const at = work(one.places, part.table.name);
    return [
      ...indexSettings(at, part.table),
      ...copySettings(one, part, 'filling'),
      statement(sql`analyze ${at}`),
    ];
  });
}

function contractSteps(evolving: Evolving): Step[] {
  const { places, clusters, shared, layout, foreignKeys } = evolving;
  const floorSchema = releaseSchema(places.app, places.from);
  return [
    transactionStep(
      'contract/fence',
      `release ${places.from} is fenced; release ${places.to} owns the tables`,
      [
        ...bound(places),
        ...refuseDependents(goingTables(evolving), evolving),
        ...refuseTypeDependents(evolving),
        ...refuseTuned(evolving),
        ...clusters.flatMap((one) => fenceCluster(one, evolving)),
        ...layout.lookups.flatMap((one) => endLookup(one, places)),
        ...evolving.duplicates.flatMap((one) => endDuplicates(one, places)),
        ...layout.dropped.flatMap((table) => fenceDropped(table, evolving)),
        ...fenceShared(evolving),
        ...takeSequences(evolving),
        ...dropSequences(evolving, 'of shared tables'),
        ...lookupFunctions(layout.lookups.filter(isOldTable), places, 'fenced'),
        ...clusters.flatMap(({ cluster }) =>
          drawFunctions(cluster, places, (table) => fenced(places, table)),
        ),
      ],
      { entersPhase: 'contracting' },
    ),
    ...foreignKeys.contract,
    ...quietStep(clusters, places),
    ...foreignKeys.unlink,
    ...freeStep(clusters, places),
    ...quietSlicesStep(clusters, places),
    ...clusters.flatMap((one) => standAlone(one, evolving)),
    ...layout.lookups
      .filter(isNewTable)
      .map((one) =>
        transactionStep(
          `contract/alone/${one.table.name}/${one.change.reference}`,
          `${one.table.name} loses the triggers of sync`,
          dropLookup(one, places),
        ),
      ),
    ...shared.flatMap((one) => validateShared(one, places)),
    ...oldKeySteps(evolving),
    ...settingSteps(evolving),
    transactionStep(
      'contract/drop',
      `the layout of release ${places.from} goes`,
      [
        ...dropSchemas('contract', [places.lensSchema, places.workSchema], evolving),
        ...dropSequences(evolving, 'free'),
        ...dropTypes(evolving),
        ...newTypesHome(evolving),
        moveStatisticsFrom(floorSchema),
        dropTombstones(floorSchema),
      ],
      { settles: 'to', entersPhase: 'settled' },
    ),
  ];
}

/** Tables that go refer to tables that stay: a step for each of those. */
function oldKeySteps({ clusters, shared, layout, places }: Evolving): Step[] {
  const going = [
    ...clusters.flatMap(({ cluster }) => cluster.olds.map((one) => one.table)),
    ...layout.dropped,
  ];
  const referenced = new Set(
    going.flatMap((table) => table.foreignKeys.map((key) => key.referencedTable)),
  );
  return shared
    .filter(({ pair }) => referenced.has(pair.old.name))
    .map((one) =>
      transactionStep(
        `contract/old-keys/${one.pair.new.name}`,
        `foreign keys of release ${places.from} to ${one.pair.new.name} go`,
        [dropKeysTo(sharedPlace(one, places), [places.workSchema])],
      ),
    );
}

/** Tables of the old release that contract takes away. */
function goingTables({ clusters, layout }: Evolving): string[] {
  return [...oldNames(clusters), ...layout.dropped.map((table) => table.name)];
}

function summaryOf(release: Release): Bundle['from'] {
  return { version: release.version, fingerprint: release.fingerprint, catalog: release.catalog };
}
