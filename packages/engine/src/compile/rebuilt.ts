// All statements that a rebuilt table (a cluster) contributes to the steps of its evolution.
//
// prepare:  new tables (empty) and spill in the work schema, lens in the release schema; where
//           anything is kept beside old rows, triggers that move and drop it with them
// expand:   sync on the old table, backfill and indexes, then the switch to native tables
//
// Foreign keys (foreign-keys.ts), verify (verify.ts) and contract (contract.ts) are added around
// these in compile.ts.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { type Index, isSameSet, type Key } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import { backfillSteps } from './backfill.js';
import type { Statement, Step } from './bundle.js';
import { takenWith, withoutOrphans } from './cascades.js';
import { addedIndexes } from './classify.js';
import { typesOf } from './compared.js';
import { copySettings } from './copy-settings.js';
import type { Duplicates } from './duplicates.js';
import { copyPartRights } from './grants.js';
import { cascades, newUniques, unguaranteed } from './guarantees.js';
import { newKeyFunctions, newKeyTriggers } from './key-maps-new.js';
import { lensStatements } from './lens.js';
import { upsertFunction } from './lens-upsert.js';
import type { Mapping, OldTable } from './mapping.js';
import {
  besideTriggers,
  existenceColumns,
  hasSpill,
  laterTriggers,
  spill,
} from './old-triggers.js';
import {
  floorTable,
  inRelease,
  layoutBind,
  type Places,
  relationOf,
  type Stage,
  work,
} from './places.js';
import type { Target } from './recompute.js';
import { newSequences, type SequencePlan } from './sequence-plan.js';
import { drawDefault, drawFunction, sharedSequenceSource } from './sequences.js';
import { moveStatistics } from './setting-statements.js';
import { writtenColumns } from './slices.js';
import { keptTables, keptTypes, spillTable } from './spill-tables.js';
import { moving, statement, transactionStep } from './statement.js';
import { backwardFunction } from './sync-backward.js';
import { carryFunction } from './sync-carry.js';
import { forwardFunction, spillFunction } from './sync-forward.js';
import {
  backwardKeyFunction,
  backwardTruncateFunction,
  endExistence,
  forwardKeyFunction,
  forwardTruncateFunction,
} from './sync-keys.js';
import { backwardName, EVENTS, type SyncPlan, spillsOf } from './sync-plan.js';
import { backwardSlicesFunction, isSliced, yieldFunction } from './sync-slices.js';
import { keyTrigger, statementTrigger, truncateTrigger, yieldTrigger } from './sync-triggers.js';
import { attachUnique, createTable, indexStep, uniqueIndex } from './tables.js';

export interface Rebuilt {
  readonly cluster: SplitCluster;
  readonly places: Places;
  /** Plans of sync while filling, and in dual. */
  readonly filling: SyncPlan;
  readonly dual: SyncPlan;
  /** Once the old table is fenced: it is in the work schema. */
  readonly fenced: SyncPlan;
}

/** @param duplicates of all tables, where some have a default. */
export function rebuilt(
  cluster: SplitCluster,
  places: Places,
  duplicates: readonly Duplicates[] = [],
): Rebuilt {
  const base = cluster.olds[0] as OldTable;
  const isOverriding = ({ table }: OldTable, mapping: Mapping) =>
    table.columns.some(
      (column) => column.identity === 'always' && writtenColumns(mapping).includes(column.name),
    );
  // A session lens keeps no value that does not follow.
  const isHeld = (mapping: Mapping) => !places.isTemporary || keptTypes(cluster, mapping) === null;
  const planOf = (stage: Stage): SyncPlan => ({
    places,
    cluster,
    checkedAtOnce: cluster.parts.flatMap((part) => {
      const schema = stage === 'dual' ? places.releaseSchema : places.workSchema;
      const base = (cluster.parts[0] ?? part).table;
      const late = [...newUniques(part, base), ...unguaranteed(part, base).exclusions];
      return late.flatMap((rule) => (rule.deferrable === 'no' ? [] : [name(schema, rule.name)]));
    }),
    key: cluster.oldKey.map((column) => ({ name: column.name, type: column.type })),
    bind: layoutBind(places, stage),
    maps: cluster.keys.filter((map) => cluster.olds.some((one) => one.table === map.old)),
    duplicates: stage === 'fenced' ? [] : duplicates.filter((one) => one.pair.old === cluster.old),
    isFenced: stage === 'fenced',
    forward: cluster.parts.map(
      (part): Target => ({
        mapping: part.mapping,
        types: typesOf(part.table),
        isOverriding: isGivenAlways(part, cluster),
        givesOnInsert: stage === 'filling',
        // The keys stand when the switch comes.
        isCascaded: stage === 'dual' && !part.isBase && cascades(part, cluster.parts[0] ?? part),
      }),
    ),
    backward: cluster.backward.filter(isHeld).map((mapping): Target => {
      const old = cluster.olds.find((one) => one.relation === mapping.target);
      return {
        mapping,
        types: keptTypes(cluster, mapping) ?? typesOf((old ?? base).table),
        isOverriding: old !== undefined && isOverriding(old, mapping),
        givesOnInsert: true,
        isCascaded: false,
      };
    }),
  });
  return {
    cluster,
    places,
    filling: planOf('filling'),
    dual: planOf('dual'),
    fenced: planOf('fenced'),
  };
}

/** Whether a value is given that PostgreSQL generates always, unless told otherwise. */
function isGivenAlways({ generated, mapping, table }: SplitPartPlan, { sliced }: SplitCluster) {
  const given = sliced === null ? generated.map((one) => one.name) : writtenColumns(mapping);
  return table.columns.some((one) => one.identity === 'always' && given.includes(one.name));
}

/** The new tables, empty. */
export function newTables({ cluster, places }: Rebuilt): Statement[] {
  return [
    ...drawFunctions(cluster, places),
    ...cluster.parts.flatMap((part) => newTable(cluster, part, places)),
  ];
}

export function prepareRebuilt(one: Rebuilt): Statement[] {
  const { cluster, places, filling } = one;
  return [
    ...cluster.parts.flatMap((part) =>
      part.absence === null ? [] : [spillTable(cluster, part, places)],
    ),
    ...cluster.parts.flatMap((part) => keptTables(cluster, part, places)),
    ...lensStatements(cluster, filling),
    ...cluster.parts.flatMap((part) => [
      ...copyPartRights(part, inRelease(places, part.table.name), places),
      ...copyPartRights(part, work(places, part.table.name), places),
      ...copySettings(one, part, 'filling'),
    ]),
    ...(hasSpill(cluster) ? besideTriggers(cluster, filling) : []),
  ];
}

export function syncRebuilt({ cluster, filling, places }: Rebuilt): Statement[] {
  return [
    ...forwardFunctions(filling).map((one) => statement(one)),
    // What is kept beside old rows has some already; the functions behind them are replaced.
    ...cluster.olds.flatMap((old) => laterTriggers(cluster, old, filling)),
    ...(existenceColumns(cluster).length > 0 ? [statement(endExistence(filling))] : []),
    ...spillsOf(filling).flatMap(({ mapping }) => [
      statement(spillFunction(filling, mapping)),
      spill(filling.bind(mapping.target), work(places, 'forward', mapping.target.name)),
    ]),
  ];
}

export function fillRebuilt({ cluster, places, filling }: Rebuilt): Step[] {
  return [
    ...backfillSteps(cluster, filling),
    ...cluster.parts.flatMap((part) => indexSteps(cluster, part, places)),
  ];
}

/** What sync in dual calls: made before anything is locked, seen when the switch is committed. */
export function switchFunctions({ cluster, dual }: Rebuilt): Statement[] {
  return [
    ...forwardFunctions(dual).map((one) => statement(one)),
    ...cluster.parts.flatMap((part) => [
      ...backwardFunctions(cluster, part, dual),
      statement(backwardTruncateFunction(dual, part.table.name)),
      statement(upsertFunction({ cluster, part, plan: dual }, 'dual')),
    ]),
    ...cluster.keys.flatMap((map) => newKeyFunctions(map, dual)),
  ];
}

/** The switch: native tables take the place of the lens, and sync runs both ways. */
export function switchRebuilt(one: Rebuilt, sequences: SequencePlan): Statement[] {
  const { cluster, places, dual } = one;
  return [
    ...cluster.parts.map((part) =>
      statement(
        sql`alter table ${work(places, part.table.name)} set schema ${name(places.releaseSchema)}`,
        // Where it still is for whoever waits.
        moving(relationOf(work(places, part.table.name))),
      ),
    ),
    ...cluster.parts.map((part) => moveStatistics(inRelease(places, part.table.name))),
    ...cluster.parts.flatMap((part) => ownNewSequences(part, places, sequences)),
    ...cluster.parts.flatMap((part, index) => backwardTriggers(part, index, dual)),
    ...cluster.keys.flatMap((map) => newKeyTriggers(map, dual)),
  ];
}

function forwardFunctions(plan: SyncPlan): Sql[] {
  return [
    carryFunction(plan),
    ...plan.cluster.olds.flatMap((old) => [
      ...EVENTS.map((event) => forwardFunction(plan, old, event)),
      ...(old.isBase ? [forwardKeyFunction(plan, old)] : []),
      forwardTruncateFunction(plan, old),
    ]),
  ];
}

/** On tables that the switch has locked already. */
function backwardTriggers(part: SplitPartPlan, index: number, plan: SyncPlan): Statement[] {
  const types = plan.forward[index]?.types ?? new Map();
  const table = part.table.name;
  const at = inRelease(plan.places, table);
  return [
    ...EVENTS.map((event) =>
      statement(statementTrigger(at, event, backwardName(plan, table, event))),
    ),
    statement(truncateTrigger(at, backwardName(plan, table, 'truncate'))),
    ...(isSliced(plan) ? [statement(yieldTrigger(at, backwardName(plan, table, 'yield')))] : []),
    ...(part.isBase
      ? [statement(keyTrigger(at, part.mapping.slice, types, backwardName(plan, table, 'key')))]
      : []),
  ];
}

/** Sync of a new table, as the plan binds the others; the triggers that call it stay. */
export function backwardFunctions(
  cluster: SplitCluster,
  part: SplitPartPlan,
  plan: SyncPlan,
): Statement[] {
  const source = plan.forward[cluster.parts.indexOf(part)] as Target;
  const others = cluster.parts
    .filter((one) => one.isBase && one !== part)
    .map((one) => one.mapping);
  const isTaking = takenWith(cluster, part).length > 0;
  const left = isTaking ? withoutOrphans(cluster, part, plan.bind) : null;
  return [
    ...EVENTS.map((event) =>
      statement(
        isSliced(plan)
          ? backwardSlicesFunction(plan, source, { event, left, movesOld: part.isBase })
          : backwardFunction(plan, source, { event, movesOld: part.isBase }),
      ),
    ),
    ...(part.isBase ? [statement(backwardKeyFunction(plan, part.mapping, others))] : []),
    ...(isSliced(plan) ? [statement(yieldFunction(plan, part.table.name))] : []),
  ];
}

export function drawFunctions(
  cluster: SplitCluster,
  places: Places,
  placeOf: (table: string) => Sql = floorTable,
): Statement[] {
  const sources = cluster.parts.flatMap((part) =>
    part.table.columns.flatMap((column) => sharedSequenceSource(cluster, part, column) ?? []),
  );
  const byName = new Map(sources.map((one) => [JSON.stringify([one.table, one.column]), one]));
  return [...byName.values()].map((one) => drawFunction(places, one, placeOf(one.table)));
}

function newTable(cluster: SplitCluster, part: SplitPartPlan, places: Places): Statement[] {
  const at = work(places, part.table.name);
  const shared = part.table.columns.flatMap((column) => {
    const source = sharedSequenceSource(cluster, part, column);
    return source === null ? [] : [{ column, source }];
  });
  return [
    ...createTable(at, part.table, {
      withoutDefault: new Set(shared.map((one) => one.column.name)),
      uniques: earlyUniques(cluster, part),
    }),
    ...earlyIndexes(part).map((index) =>
      statement(
        sql`create ${index.isUnique ? sql`unique ` : sql``}index ${name(index.name)}
on ${at} using ${trusted(index.definition)}`,
      ),
    ),
    ...shared.map(({ column, source }) =>
      statement(
        sql`alter table ${at} alter column ${name(column.name)}
set default ${drawDefault(places, source)}`,
      ),
    ),
  ];
}

/** Those that upserts need, and those that rows of the old release may break. */
function earlyUniques(cluster: SplitCluster, part: SplitPartPlan): Key[] {
  const { slice } = part.mapping;
  const isSlice = (key: Key) =>
    isSameSet(key.columns, slice) || isSameSet(key.columns, part.mapping.key);
  const broken = newUniques(part, (cluster.parts[0] ?? part).table);
  return part.table.uniques.filter((key) => isSlice(key) || broken.includes(key));
}

function earlyIndexes(part: SplitPartPlan): Index[] {
  const added = addedIndexes(part.pair);
  if (part.mapping.perSlice === 'one row') return added.filter((index) => index.isUnique);
  // Those by which the rows of a slice are found.
  const { slice } = part.mapping;
  const serves = (index: Index) =>
    slice.every((one) => index.columns.slice(0, slice.length).includes(one));
  return part.table.indexes.filter(
    (index) => serves(index) || (added.includes(index) && index.isUnique),
  );
}

function indexSteps(cluster: SplitCluster, part: SplitPartPlan, places: Places): Step[] {
  const at = { schema: places.workSchema, table: work(places, part.table.name) };
  const early = { uniques: earlyUniques(cluster, part), indexes: earlyIndexes(part) };
  const late = part.table.uniques.filter((key) => !early.uniques.includes(key));
  const indexes = part.table.indexes.filter((index) => !early.indexes.includes(index));
  const attach = late.map((key) => attachUnique(at.table, key));
  return [
    ...indexes.map((index) => indexStep(at, index, null)),
    ...late.map((key) => indexStep(at, uniqueIndex(key), null)),
    ...(attach.length === 0
      ? []
      : [
          transactionStep(
            `expand/unique/${part.table.name}`,
            `attach unique constraints of ${part.table.name}`,
            attach,
          ),
        ]),
  ];
}

/** Sequences that only the new release has go with their tables, past what the lens has shown. */
function ownNewSequences(
  part: SplitPartPlan,
  places: Places,
  sequences: SequencePlan,
): Statement[] {
  const at = inRelease(places, part.table.name);
  const owned = newSequences(sequences).flatMap(({ name: sequence, ownedBy }) => {
    const column = part.table.columns.find((one) => `${part.table.name}.${one.name}` === ownedBy);
    return column === undefined
      ? []
      : [
          statement(
            sql`alter sequence ${inRelease(places, sequence)} owned by ${at}.${name(column.name)}`,
          ),
        ];
  });
  const advanced = part.generated.map((column) =>
    statement(
      sql`select setval(pg_get_serial_sequence($r$${at}$r$, ${literal(column.name)}),
greatest((select max(${name('t', column.name)}) from ${at} as t), 1))`,
    ),
  );
  return [...owned, ...advanced];
}
