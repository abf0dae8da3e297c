// All statements that a rebuilt table (a cluster) contributes to the steps of its evolution.
//
// prepare:  new tables (empty) and spill in the work schema, lens in the release schema; where
//           anything is kept beside old rows, triggers that move and drop it with them
// expand:   sync on the old table, backfill and indexes, then the switch to native tables
//
// Foreign keys (foreign-keys.ts), verify (verify.ts) and contract (contract.ts) are added around
// these in compile.ts.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Catalog, Index, Key } from '../release/catalog.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import type { BackfillStep, KeyColumn, Statement, Step } from './bundle.js';
import { addedIndexes } from './classify.js';
import { typesOf } from './compared.js';
import { copyPartRights } from './grants.js';
import { newUniques } from './guarantees.js';
import { lensStatements } from './lens.js';
import { bindWith, oldRelation } from './mapping.js';
import { floorTable, inRelease, layoutBind, type Places, work } from './places.js';
import { insertMissing, type Target, updateMany } from './recompute.js';
import { drawDefault, drawFunction, newSequences, sharedSequenceSource } from './sequences.js';
import { type Lock, statement, transactionStep } from './statement.js';
import { backwardFunction } from './sync-backward.js';
import { carryFunction, forwardFunction, spillFunction } from './sync-forward.js';
import {
  backwardKeyFunction,
  backwardTruncateFunction,
  forgetFunction,
  forwardKeyFunction,
  forwardTruncateFunction,
} from './sync-keys.js';
import {
  backwardName,
  carryName,
  EVENTS,
  forwardName,
  keyNames,
  type SyncPlan,
} from './sync-plan.js';
import { keyTrigger, spillTrigger, statementTrigger, truncateTrigger } from './sync-triggers.js';
import { attachUnique, createTable, indexStep, typeOf, uniqueIndex } from './tables.js';

export interface Rebuilt {
  readonly cluster: SplitCluster;
  readonly places: Places;
  readonly to: Catalog;
  /** Plans of sync while filling and in dual. */
  readonly filling: SyncPlan;
  readonly dual: SyncPlan;
}

export function rebuilt(cluster: SplitCluster, places: Places, to: Catalog): Rebuilt {
  const planOf = (stage: 'filling' | 'dual'): SyncPlan => ({
    places,
    cluster,
    checkedAtOnce: cluster.parts.flatMap((part) => {
      const schema = stage === 'dual' ? places.releaseSchema : places.workSchema;
      return newUniques(part, (cluster.parts[0] ?? part).table).flatMap((key) =>
        key.deferrable === 'no' ? [] : [name(schema, key.name)],
      );
    }),
    key: cluster.oldKey.map((column) => ({ name: column.name, type: column.type })),
    bind: layoutBind(places, stage),
    forward: cluster.parts.map(
      (part): Target => ({
        mapping: part.mapping,
        types: typesOf(part.table),
        isOverriding: part.generated.some((column) => column.identity === 'always'),
        givesOnInsert: stage === 'filling',
      }),
    ),
    backward: cluster.backward.map(
      (mapping): Target => ({
        mapping,
        types: typesOf(cluster.old),
        isOverriding:
          mapping.target.side === 'old' &&
          cluster.oldKey.some((column) => column.identity === 'always'),
        givesOnInsert: true,
      }),
    ),
  });
  return { cluster, places, to, filling: planOf('filling'), dual: planOf('dual') };
}

export function prepareRebuilt({ cluster, places, filling }: Rebuilt): Statement[] {
  return [
    ...drawFunctions(cluster, places),
    ...cluster.parts.flatMap((part) => newTable(cluster, part, places)),
    ...cluster.parts.flatMap((part) =>
      part.absence === null ? [] : [spillTable(cluster, part, places)],
    ),
    ...lensStatements(cluster, filling),
    ...cluster.parts.flatMap((part) => [
      ...copyPartRights(part, inRelease(places, part.table.name), places),
      ...copyPartRights(part, work(places, part.table.name), places),
    ]),
    ...(hasSpill(cluster) ? besideTriggers(cluster, filling) : []),
  ];
}

export function syncRebuilt({ cluster, filling, places }: Rebuilt): Statement[] {
  const source = floorTable(cluster.id);
  const lock: Lock = { mode: 'SHARE ROW EXCLUSIVE', relation: cluster.id };
  return [
    ...(hasSpill(cluster) ? dropBeside(filling) : []),
    ...forwardFunctions(filling).map((one) => statement(one)),
    ...EVENTS.map((event) =>
      statement(statementTrigger(filling, source, event, forwardName(filling, event)), lock),
    ),
    statement(
      keyTrigger(source, keyNames(filling), typesOf(cluster.old), forwardName(filling, 'key')),
      lock,
    ),
    statement(truncateTrigger(filling, source, forwardName(filling, 'truncate')), lock),
    ...filling.backward
      .slice(1)
      .flatMap(({ mapping }) => [
        statement(spillFunction(filling, mapping)),
        statement(
          spillTrigger(
            filling,
            filling.bind(mapping.target),
            work(places, 'forward', mapping.target.name),
          ),
        ),
      ]),
  ];
}

export function fillRebuilt({ cluster, places, filling }: Rebuilt): Step[] {
  return [
    backfillStep(cluster, filling),
    ...cluster.parts.flatMap((part) => indexSteps(cluster, part, places)),
  ];
}

/**
 * A batch takes only rows that it has locked against every change, and reads them in later
 * statements: what was written before is seen, and what comes after is carried by sync, which finds
 * the batch's rows. Rows that appear in the range meanwhile are sync's alone: copied here unlocked,
 * a concurrent delete would miss the copy. The keys travel in a setting: a table of them would have
 * to be emptied for every batch.
 */
function backfillStep(cluster: SplitCluster, filling: SyncPlan): BackfillStep {
  const source = floorTable(cluster.id);
  const key = keyColumns(cluster);
  const keys = key.map((one) => name('source', one.name));
  const range = trusted('{{range:source}}');
  const inRange = sql`(select source.* from ${source} as source where ${range})`;
  const bind = bindWith(oldRelation(cluster.id), inRange, filling.bind);
  const locked = sql`select ${keys} from ${source} as source
where ${range} order by ${keys} for no key update`;
  const batch = sql`jsonb_to_recordset(current_setting('halflap.batch')::jsonb)
as r (${keyDefinitions(cluster)})`;
  const slices = ({ mapping }: Target) => {
    const renamed = key.map(
      (one, index) => sql`${name('r', one.name)} as ${name(mapping.slice[index] ?? '')}`,
    );
    return sql`select ${renamed} from ${batch}`;
  };
  // Rows that keep what only the new release knows are there already and are brought up to date.
  const keeps = new Set(
    cluster.parts.filter((part) => part.carried.length > 0).map((part) => part.mapping),
  );
  const fills = filling.forward.flatMap((target) => {
    const own = slices(target);
    const update = keeps.has(target.mapping) ? updateMany(target, bind, own) : null;
    return [...(update === null ? [] : [update]), insertMissing(target, bind, own)];
  });
  return {
    kind: 'backfill',
    id: `expand/backfill/${cluster.id}`,
    title: `fill ${cluster.parts.map((part) => part.table.name).join(', ')} from ${cluster.id}`,
    relation: cluster.id,
    source: source.text,
    key,
    batch: [
      sql`select set_config('halflap.batch', coalesce(
  (select jsonb_agg(to_jsonb(l.*)) from (${locked}) as l), '[]')::text, true)`.text,
      ...fills.map((one) => one.text),
    ],
    oneByOne: [sql`select ${carryName(filling)}(${keys}) from (${locked}) as source`.text],
  };
}

/** The switch: native tables take the place of the lens, and sync runs both ways. */
export function switchRebuilt(one: Rebuilt): Statement[] {
  const { cluster, places, dual } = one;
  const relation = (table: string): Lock => ({
    mode: 'ACCESS EXCLUSIVE',
    relation: `${places.releaseSchema}.${table}`,
  });
  return [
    ...cluster.parts.map((part) =>
      statement(
        sql`alter table ${work(places, part.table.name)} set schema ${name(places.releaseSchema)}`,
        relation(part.table.name),
      ),
    ),
    ...cluster.parts.flatMap((part) => ownNewSequences(part, one)),
    ...forwardFunctions(dual).map((one) => statement(one)),
    ...cluster.parts.flatMap((part, index) => backwardTriggers(part, index, dual)),
  ];
}

function forwardFunctions(plan: SyncPlan): Sql[] {
  return [
    carryFunction(plan),
    ...EVENTS.map((event) => forwardFunction(plan, event)),
    forwardKeyFunction(plan),
    forwardTruncateFunction(plan),
  ];
}

function backwardTriggers(part: SplitPartPlan, index: number, plan: SyncPlan): Statement[] {
  const table = part.table.name;
  const at = inRelease(plan.places, table);
  const lock: Lock = {
    mode: 'SHARE ROW EXCLUSIVE',
    relation: `${plan.places.releaseSchema}.${table}`,
  };
  const source = plan.forward[index] as Target;
  return [
    ...EVENTS.map((event) => statement(backwardFunction(plan, source, event))),
    statement(backwardTruncateFunction(plan, table)),
    ...EVENTS.map((event) =>
      statement(statementTrigger(plan, at, event, backwardName(plan, table, event)), lock),
    ),
    statement(truncateTrigger(plan, at, backwardName(plan, table, 'truncate')), lock),
    ...(part.isBase
      ? [
          statement(backwardKeyFunction(plan, part.mapping)),
          statement(
            keyTrigger(at, part.mapping.slice, source.types, backwardName(plan, table, 'key')),
            lock,
          ),
        ]
      : []),
  ];
}

function drawFunctions(cluster: SplitCluster, places: Places): Statement[] {
  const sources = cluster.parts.flatMap((part) =>
    part.table.columns.flatMap((column) => sharedSequenceSource(part, column) ?? []),
  );
  return [...new Set(sources)].map((source) => drawFunction(places, cluster.id, source));
}

function newTable(cluster: SplitCluster, part: SplitPartPlan, places: Places): Statement[] {
  const at = work(places, part.table.name);
  const shared = part.table.columns.flatMap((column) => {
    const source = sharedSequenceSource(part, column);
    return source === null ? [] : [{ column, source }];
  });
  return [
    ...createTable(at, part.table, {
      withoutDefault: new Set(shared.map((one) => one.column.name)),
      uniques: earlyUniques(cluster, part),
    }),
    ...earlyIndexes(part).map((index) =>
      statement(
        sql`create unique index ${name(index.name)} on ${at} using ${trusted(index.definition)}`,
      ),
    ),
    ...shared.map(({ column, source }) =>
      statement(
        sql`alter table ${at} alter column ${name(column.name)}
set default ${drawDefault(places, cluster.id, source)}`,
      ),
    ),
  ];
}

/** Those that upserts need, and those that rows of the old release may break. */
function earlyUniques(cluster: SplitCluster, part: SplitPartPlan): Key[] {
  const { slice } = part.mapping;
  const isSlice = (key: Key) =>
    key.columns.length === slice.length && key.columns.every((one) => slice.includes(one));
  const broken = newUniques(part, (cluster.parts[0] ?? part).table);
  return part.table.uniques.filter((key) => isSlice(key) || broken.includes(key));
}

function earlyIndexes(part: SplitPartPlan): Index[] {
  return addedIndexes(part.pair).filter((index) => index.isUnique);
}

function spillTable(cluster: SplitCluster, part: SplitPartPlan, places: Places): Statement {
  const at = layoutBind(places, 'filling')(part.absence ?? part.relation);
  const key = cluster.oldKey.map((one) => name(one.name));
  return statement(sql`create table ${at} (${keyDefinitions(cluster)}, primary key (${key}))`);
}

function keyDefinitions(cluster: SplitCluster): Sql {
  return joined(cluster.oldKey.map((one) => sql`${name(one.name)} ${typeOf(one)}`));
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
function ownNewSequences(part: SplitPartPlan, { places, to }: Rebuilt): Statement[] {
  const at = inRelease(places, part.table.name);
  const owned = newSequences(part, to).map(({ sequence, column }) =>
    statement(
      sql`alter sequence ${name(places.releaseSchema, sequence)} owned by ${at}.${name(column)}`,
    ),
  );
  const advanced = part.generated.map((column) =>
    statement(
      sql`select setval(pg_get_serial_sequence($r$${at}$r$, ${literal(column.name)}),
greatest((select max(${name('t', column.name)}) from ${at} as t), 1))`,
    ),
  );
  return [...owned, ...advanced];
}

/**
 * While nothing is synced yet, what is kept beside an old row follows it when its key changes and
 * goes with it when it goes.
 */
function besideTriggers(cluster: SplitCluster, plan: SyncPlan): Statement[] {
  const source = floorTable(plan.cluster.id);
  const lock: Lock = { mode: 'SHARE ROW EXCLUSIVE', relation: plan.cluster.id };
  const forward = (event: 'delete' | 'truncate' | 'key') => forwardName(plan, event);
  // Only these tables can hold rows yet.
  const kept = new Set(
    cluster.parts.filter((part) => part.carried.length > 0).map((part) => part.table.name),
  );
  return [
    statement(forgetFunction(plan, false, kept)),
    statement(forgetFunction(plan, true, kept)),
    statement(forwardKeyFunction(plan)),
    statement(statementTrigger(plan, source, 'delete', forward('delete')), lock),
    statement(truncateTrigger(plan, source, forward('truncate')), lock),
    statement(keyTrigger(source, keyNames(plan), typesOf(cluster.old), forward('key')), lock),
  ];
}

function dropBeside(plan: SyncPlan): Statement[] {
  const source = floorTable(plan.cluster.id);
  // The triggers, not the functions: those are replaced, and a statement under way may need them.
  return ['delete', 'truncate', 'key'].map((event) =>
    statement(sql`drop trigger ${name(`halflap_sync_${event}`)} on ${source}`, {
      mode: 'ACCESS EXCLUSIVE',
      relation: plan.cluster.id,
    }),
  );
}

/**
 * Whether anything is kept beside the old rows: absences, or columns that only the new release
 * knows.
 */
function hasSpill(cluster: SplitCluster): boolean {
  return cluster.parts.some((part) => part.absence !== null || part.carried.length > 0);
}

function keyColumns(cluster: SplitCluster): KeyColumn[] {
  return cluster.oldKey.map((column) => ({ name: column.name, type: column.type }));
}
