// Writing through a lens: one INSTEAD OF trigger function per part and event where PostgreSQL does
// not update the view by itself.
//
// Order of work in each: what is computed from the row; constraints of the new release that the old
// layout does not keep (lens-constraints.ts); lock of the old row in a statement of its own; is the
// row still what the statement read; apply the difference backward; does the row come back as
// written; keep what only the new release knows.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { anyDiffers, sameKey, typesOf } from './compared.js';
import { cascades, isToBase, unguaranteed } from './guarantees.js';
import { isSimple } from './lens.js';
import { forget, keep } from './lens-carried.js';
import { constraints, isFree, noReference } from './lens-constraints.js';
import { comesBack, notRepresentable, type Writing } from './lens-round-trip.js';
import { computed, dependents, fixedKey, isUnchanged, lensTrigger } from './lens-rows.js';
import { bindWith } from './mapping.js';
import { floorTable, lensBind } from './places.js';
import {
  applyDeletes,
  applyInserts,
  applyUpdates,
  applyUpserts,
  type Slices,
  type Target,
} from './recompute.js';
import { lockPolitely, ONE_ROW_PLANS, POLITE_VARIABLES } from './sync-backward.js';
import { type Event, isOfValues, type SyncPlan, spillsOf, touchOf } from './sync-plan.js';
import { carriedVariables, isCarried } from './sync-round-trip.js';

export function lensTriggers(
  cluster: SplitCluster,
  part: SplitPartPlan,
  plan: SyncPlan,
): Statement[] {
  return eventsOf(cluster, part).flatMap((event) => {
    const writing: Writing = { cluster, part, plan, event };
    return lensTrigger(writing, {
      declare: [
        sql`found_row record`,
        ...(part.isJoined ? [sql`before_row record`, ...POLITE_VARIABLES] : []),
        ...carriedVariables(plan),
      ],
      settings: ONE_ROW_PLANS,
      body: bodyOf(writing),
    });
  });
}

/** Events that need a trigger; PostgreSQL does the others through the view. */
function eventsOf(cluster: SplitCluster, part: SplitPartPlan): Event[] {
  const checked = unguaranteed(part, baseOf(cluster).table);
  const isUpdatedByPostgres =
    part.isPlain && Object.values(checked).every((list) => list.length === 0);
  const isDeletedByPostgres =
    part.isBase &&
    isSimple(part) &&
    cluster.parts.every((one) => one === part || cascades(one, part));
  return [
    'insert',
    ...(isUpdatedByPostgres ? [] : (['update'] as const)),
    ...(isDeletedByPostgres ? [] : (['delete'] as const)),
  ];
}

export function baseOf(cluster: SplitCluster): SplitPartPlan {
  return cluster.parts[0] as SplitPartPlan;
}

function bodyOf(writing: Writing): Sql[] {
  const { cluster, part, plan, event } = writing;
  // What nothing keeps is refused before anything is written.
  const [refused, kept] =
    event === 'delete'
      ? [[], forget(part, plan.places)]
      : plan.places.isTemporary
        ? [keep(part, plan.places, event), []]
        : [[], keep(part, plan.places, event)];
  const surrogate = part.generated.map(
    (column) => sql`${name('new', column.name)} := ${name('new', part.key[0]?.new.name ?? '')};`,
  );
  switch (event) {
    case 'insert':
      return [
        ...surrogate,
        ...computed(writing),
        ...constraints(part, baseOf(cluster).table, plan.places, 'new'),
        ...refused,
        ...(part.isBase ? [] : [lockOld(writing, 'new')]),
        ...(part.isBase ? [] : [parentExists(writing), isFree(part, plan.places)]),
        ...apply(writing),
        ...isCarried(plan, ownSlice(writing)),
        comesBack(writing),
        ...kept,
        sql`return new;`,
      ];
    case 'update':
      return [
        ...computed(writing),
        ...constraints(part, baseOf(cluster).table, plan.places, 'old'),
        ...refused,
        ...(part.isBase ? [] : [fixedKey(writing)]),
        lockOld(writing, 'old'),
        isUnchanged(writing),
        ...(part.isJoined ? [sql`before_row := found_row;`] : []),
        ...(part.isBase ? [moveKey(writing)] : []),
        ...apply(writing),
        ...isCarried(plan, ownSlice(writing)),
        comesBack(writing),
        ...kept,
        sql`return new;`,
      ];
    case 'delete':
      return [
        ...(part.isBase ? dependents(writing) : []),
        lockOld(writing, 'old'),
        isUnchanged(writing),
        ...apply(writing),
        ...isCarried(plan, ownSlice(writing)),
        ...kept,
        sql`return old;`,
      ];
    default:
      return event satisfies never;
  }
}

/** The base row first, as for any table; of rows beside it nobody may have to wait for us. */
function lockOld(writing: Omit<Writing, 'event'>, row: 'old' | 'new'): Sql {
  return joined([lockBase(writing, row), ...lockBeside(writing, row)], '\n  ');
}

/** A variable with the columns of a row of the part. */
type RowVariable = 'old' | 'new' | 'found_row';

/** Sets FOUND. */
export function lockBase({ cluster, part }: Omit<Writing, 'event'>, row: RowVariable): Sql {
  return sql`perform 1 from ${floorTable(cluster.id)} as s
  where ${oldKeyIs('s', part, row)} for no key update;`;
}

export function lockBeside(writing: Omit<Writing, 'event'>, row: RowVariable): Sql[] {
  const { cluster, part, plan } = writing;
  const beside = plan.backward.filter(({ mapping }) =>
    cluster.olds.some((one) => !one.isBase && one.relation === mapping.target),
  );
  const key = part.key.map((one) => sql`${name(row, one.new.name)} as ${name(one.old)}`);
  return beside.length === 0 ? [] : [lockPolitely(plan, beside, sql`select ${key}`)];
}

/** The old row's key equals the key of OLD or NEW. */
function oldKeyIs(alias: string, part: SplitPartPlan, row: RowVariable): Sql {
  return joined(
    part.key.map((one) => sql`${name(alias, one.old)} = ${name(row, one.new.name)}`),
    ' and ',
  );
}

function parentExists({ cluster, part, plan }: Writing): Sql {
  const key = part.table.foreignKeys.find((one) => isToBase(one, baseOf(cluster).table));
  const no =
    key === undefined
      ? notRepresentable(plan, part, sql`'no row of ' || ${literal(cluster.id)} || ' has this key'`)
      : noReference(part.table, key);
  return sql`if not found then ${no} end if;`;
}

/** The old row moves with its key; its own trigger moves what is kept beside it. */
function moveKey({ cluster, part, plan }: Writing): Sql {
  const changed = anyDiffers('new', 'old', part.mapping.slice, typesOf(part.table));
  const moves = cluster.olds.map(({ relation, key }) => {
    const set = part.key.map(
      (one, place) => sql`${name(key[place] ?? '')} = ${name('new', one.new.name)}`,
    );
    const is = sameKey('s', key, 'old', part.mapping.slice);
    return sql`update ${floorTable(relation.name)} as s set ${set} where ${is}`;
  });
  // On a prepared shard a trigger of the old table moves what is kept beside it.
  const records = plan.places.isTemporary ? spillsOf(plan) : [];
  const along = records.map(({ mapping }) => {
    const set = part.key.map((one) => sql`${name(one.old)} = ${name('new', one.new.name)}`);
    const is = sameKey('s', mapping.slice, 'old', part.mapping.slice);
    return sql`update ${plan.bind(mapping.target)} as s set ${set} where ${is};`;
  });
  // In one statement, so that references among the rows are looked at when all have moved.
  const [only] = moves;
  const all =
    moves.length === 1
      ? (only ?? sql``)
      : sql`with ${moves.map((one, index) => sql`${name(`m${index}`)} as (${one})`)}
    select 1 as moved into found_row`;
  return sql`if ${changed} then
    ${joined([sql`${all};`, ...along], '\n    ')}
  end if;`;
}

/** Applies the backward mappings' difference between the row before and after. */
function apply(writing: Writing): Sql[] {
  const { cluster, part, plan, event } = writing;
  const lens = lensBind(plan.places);
  const row = (which: 'old' | 'new', isEmpty: boolean) => {
    const values = part.table.columns.map(
      (column) => sql`${name(which, column.name)} as ${name(column.name)}`,
    );
    return sql`(select ${values}${isEmpty ? sql` where false` : sql``})`;
  };
  // A base row whose key changes has been moved already: before and after then have the new key.
  const before = event === 'insert' ? row('new', true) : beforeRow(part, event);
  const after = event === 'delete' ? row('old', true) : row('new', false);
  // A value is kept anew where another key is what something else follows from.
  const read = bindWith(part.relation, row('old', event === 'insert'), lens);
  const change = {
    before: bindWith(part.relation, before, lens),
    after: bindWith(part.relation, after, lens),
    slices: ownSlice(writing),
  };
  return inOrder(writing).flatMap((target) => {
    const touch = touchOf(target.mapping, part.relation);
    if (touch === null) return [];
    const always = event === 'update' ? [] : touch.feeds;
    const updates = applyUpdates(target, plan.bind, { ...change, always });
    const isDriver = touch.drives && event !== 'update';
    const isAbsence = target.mapping.target.side === 'spill' && !isOfValues(target);
    // An update may bring a row about, or take it, that stands beside the base.
    const isConditional =
      touch.drives && event === 'update' && !isAbsence && !isBaseOf(cluster, target);
    return [
      ...((isDriver && (event === 'delete' || isAbsence)) || isConditional
        ? [applyDeletes(target, plan.bind, { ...change, always })]
        : []),
      ...(updates !== null && !isDriver ? [updates] : []),
      ...((isDriver && isAbsence) || isConditional
        ? [
            applyUpserts(
              target,
              plan.bind,
              { ...change, always, ...(isOfValues(target) && { before: read }) },
              { columns: isAbsence ? [] : touch.feeds, moved: null },
            ),
          ]
        : []),
      ...(isDriver && event === 'insert' && !isAbsence
        ? [applyInserts(target, plan.bind, { ...change, always })]
        : []),
    ].map((one) => sql`${one};`);
  });
}

function ownSlice({ part, event }: Writing): Slices {
  const row = event === 'delete' ? 'old' : 'new';
  const key = part.key.map((one) => sql`${name(row, one.new.name)} as ${name(one.old)}`);
  return sql`select ${key}`;
}

/**
 * Spill first: what it should hold is read through the lens as it was before the old row changes.
 * Then rows that refer to the base go before it and come after it.
 */
function inOrder({ plan, event }: Writing): Target[] {
  const olds = plan.backward.filter(({ mapping }) => mapping.target.side === 'old');
  return [...spillsOf(plan).reverse(), ...(event === 'delete' ? olds.reverse() : olds)];
}

function isBaseOf(cluster: SplitCluster, { mapping }: Target): boolean {
  return cluster.olds[0]?.relation === mapping.target;
}

function beforeRow(part: SplitPartPlan, event: Event): Sql {
  const values = part.table.columns.map((column) => {
    const isKey = part.mapping.slice.includes(column.name);
    const row = isKey && event === 'update' ? 'new' : 'old';
    return sql`${name(row, column.name)} as ${name(column.name)}`;
  });
  return sql`(select ${values})`;
}
