// Writing through a lens: one INSTEAD OF trigger function per part and event where PostgreSQL does
// not update the view by itself.
//
// Order of work in each: what is computed from the row; constraints of the new release that the old
// layout does not keep (lens-constraints.ts); lock of the old row in a statement of its own; is the
// row still what the statement read; apply the difference backward; does the row come back as
// written; keep what only the new release knows.

import { SQLSTATES } from '@halflap/protocol';
import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { bindColumns } from '../release/expression.js';
import { joined, literal, name, names, type Sql, sql, trusted } from '../sql.js';
import { assigned } from './assigned.js';
import type { Statement } from './bundle.js';
import { anyDiffers, differs, sameKey, typesOf } from './compared.js';
import { cascades, isToBase, unguaranteed } from './guarantees.js';
import { isSimple } from './lens.js';
import { constraints, isFree, noReference } from './lens-constraints.js';
import { bindWith } from './mapping.js';
import { floorTable, inRelease, lensBind, work } from './places.js';
import {
  applyDeletes,
  applyInserts,
  applyUpdates,
  applyUpserts,
  type Target,
} from './recompute.js';
import { raise, routine } from './routine.js';
import { statement } from './statement.js';
import { lockPolitely, POLITE_VARIABLES } from './sync-backward.js';
import { type Event, type SyncPlan, spillsOf, touchOf } from './sync-plan.js';

export function lensTriggers(
  cluster: SplitCluster,
  part: SplitPartPlan,
  plan: SyncPlan,
): Statement[] {
  const lens = inRelease(plan.places, part.table.name);
  return eventsOf(cluster, part).flatMap((event) => {
    const at = work(plan.places, 'lens', part.table.name, event);
    const body = bodyOf({ cluster, part, plan, event });
    return [
      statement(
        routine(plan.places, {
          at,
          returns: 'trigger',
          about: `${event} of ${part.table.name} through the lens`,
          declare: [
            sql`found_row record`,
            ...(part.isJoined ? [sql`before_row record`, ...POLITE_VARIABLES] : []),
          ],
          body,
        }),
      ),
      statement(
        sql`create trigger ${name(`halflap_lens_${event}`)} instead of ${trusted(event)} on ${lens}
for each row execute function ${at}()`,
      ),
    ];
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

interface Writing {
  readonly cluster: SplitCluster;
  readonly part: SplitPartPlan;
  readonly plan: SyncPlan;
  readonly event: Event;
}

function bodyOf(writing: Writing): Sql[] {
  const { cluster, part, plan, event } = writing;
  const surrogate = part.generated.map(
    (column) => sql`${name('new', column.name)} := ${name('new', part.key[0]?.new.name ?? '')};`,
  );
  switch (event) {
    case 'insert':
      return [
        ...surrogate,
        ...computed(writing),
        ...constraints(part, baseOf(cluster).table, plan.places, 'new'),
        ...(part.isBase ? [] : [lockOld(writing, 'new')]),
        ...(part.isBase ? [] : [parentExists(writing), isFree(part, plan.places)]),
        ...apply(writing),
        comesBack(writing),
        ...keep(writing),
        sql`return new;`,
      ];
    case 'update':
      return [
        ...computed(writing),
        ...constraints(part, baseOf(cluster).table, plan.places, 'old'),
        ...(part.isBase ? [] : [fixedKey(writing)]),
        lockOld(writing, 'old'),
        isUnchanged(writing),
        ...(part.isJoined ? [sql`before_row := found_row;`] : []),
        ...(part.isBase ? [moveKey(writing)] : []),
        ...apply(writing),
        comesBack(writing),
        ...keep(writing),
        sql`return new;`,
      ];
    case 'delete':
      return [
        ...(part.isBase ? dependents(writing) : []),
        lockOld(writing, 'old'),
        isUnchanged(writing),
        ...apply(writing),
        ...forget(writing),
        sql`return old;`,
      ];
    default:
      return event satisfies never;
  }
}

/** What PostgreSQL computes from the row, and refuses to be given: rules are checked on it. */
function computed({ part, event }: Writing): Sql[] {
  const types = typesOf(part.table);
  return part.table.columns.flatMap((column) => {
    if (column.generated === null) return [];
    const written = name('new', column.name);
    const given = sql`${written} is not null`;
    const isGiven =
      event === 'insert'
        ? given
        : sql`${given} and ${differs(written, name('old', column.name), types.get(column.name))}`;
    const message =
      event === 'insert'
        ? `cannot insert a non-DEFAULT value into column "${column.name}"`
        : `column "${column.name}" can only be updated to DEFAULT`;
    const value = bindColumns(column.generated, (one) => ({ qualifier: 'new', column: one }));
    return [
      sql`if ${isGiven} then ${raise('428C9', literal(message), {
        detail: literal(`Column "${column.name}" is a generated column.`),
      })} end if;`,
      sql`${written} := ${assigned(trusted(value), column, part.pair.bases)};`,
    ];
  });
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
  return beside.map((target) => lockPolitely(plan, target, sql`select ${key}`));
}

/** The old row's key equals the key of OLD or NEW. */
function oldKeyIs(alias: string, part: SplitPartPlan, row: RowVariable): Sql {
  return joined(
    part.key.map((one) => sql`${name(alias, one.old)} = ${name(row, one.new.name)}`),
    ' and ',
  );
}

function partKeyIs(alias: string, part: SplitPartPlan, row: 'old' | 'new'): Sql {
  return sameKey(alias, part.mapping.slice, row);
}

function parentExists({ cluster, part, plan }: Writing): Sql {
  const key = part.table.foreignKeys.find((one) => isToBase(one, baseOf(cluster).table));
  const no =
    key === undefined
      ? notRepresentable(plan, part, sql`'no row of ' || ${literal(cluster.id)} || ' has this key'`)
      : noReference(part.table, key);
  return sql`if not found then ${no} end if;`;
}

function fixedKey({ part, plan }: Writing): Sql {
  const changed = anyDiffers('new', 'old', part.mapping.slice, typesOf(part.table));
  return sql`if ${changed} then ${raise(
    'HL003',
    literal(`the key of ${part.table.name} cannot be changed through the lens`),
    {
      detail: literal(SQLSTATES.HL003),
      hint: literal(
        'Delete the row and insert it again, or expand the shard first ' +
          `(release ${plan.places.to} is then native).`,
      ),
    },
  )} end if;`;
}

/** Refuses to write over a value that changed since the statement read it; a row gone is no row. */
function isUnchanged({ part, plan, event }: Writing): Sql {
  const types = typesOf(part.table);
  const lens = inRelease(plan.places, part.table.name);
  const columns = [...part.mapping.slice, ...part.mapping.columns];
  const stale = columns.map((column) => {
    const moved = differs(name('found_row', column), name('old', column), types.get(column));
    if (event === 'delete') return sql`(${moved})`;
    const written = differs(name('new', column), name('old', column), types.get(column));
    return sql`(${moved} and ${written})`;
  });
  const message = `could not serialize access to ${part.table.name} due to concurrent update`;
  return sql`select q.* into found_row from ${lens} as q where ${partKeyIs('q', part, 'old')};
  if not found then return null; end if;
  if ${joined(stale, ' or ')} then
    raise serialization_failure using
      message = ${literal(message)}, hint = 'Run the statement again.';
  end if;`;
}

/** The old row moves with its key; its own trigger moves what is kept beside it. */
function moveKey({ cluster, part }: Writing): Sql {
  const changed = anyDiffers('new', 'old', part.mapping.slice, typesOf(part.table));
  const moves = cluster.olds.map(({ relation, key }) => {
    const set = part.key.map(
      (one, place) => sql`${name(key[place] ?? '')} = ${name('new', one.new.name)}`,
    );
    const is = sameKey('s', key, 'old', part.mapping.slice);
    return sql`update ${floorTable(relation.name)} as s set ${set} where ${is}`;
  });
  // In one statement, so that references among the rows are looked at when all have moved.
  const [only] = moves;
  const all =
    moves.length === 1
      ? (only ?? sql``)
      : sql`with ${moves.map((one, index) => sql`${name(`m${index}`)} as (${one})`)}
    select 1 as moved into found_row`;
  return sql`if ${changed} then
    ${all};
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
  const keyRow = event === 'delete' ? 'old' : 'new';
  const key = part.key.map((one) => sql`${name(keyRow, one.new.name)} as ${name(one.old)}`);
  const change = {
    before: bindWith(part.relation, before, lens),
    after: bindWith(part.relation, after, lens),
    slices: sql`select ${key}`,
  };
  return inOrder(writing).flatMap((target) => {
    const touch = touchOf(target.mapping, part.relation);
    if (touch === null) return [];
    const always = event === 'update' ? [] : touch.feeds;
    const updates = applyUpdates(target, plan.bind, { ...change, always });
    const isDriver = touch.drives && event !== 'update';
    const isAbsence = target.mapping.target.side === 'spill';
    // An update may bring a row about, or take it, that stands beside the base.
    const isConditional =
      touch.drives && event === 'update' && !isAbsence && !isBaseOf(cluster, target);
    return [
      ...((isDriver && (event === 'delete' || isAbsence)) || isConditional
        ? [applyDeletes(target, plan.bind, { ...change, always })]
        : []),
      ...(updates !== null && !isDriver ? [updates] : []),
      ...((isDriver && isAbsence) || isConditional
        ? [applyUpserts(target, plan.bind, { ...change, always }, isAbsence ? [] : touch.feeds)]
        : []),
      ...(isDriver && event === 'insert' && !isAbsence
        ? [applyInserts(target, plan.bind, { ...change, always })]
        : []),
    ].map((one) => sql`${one};`);
  });
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

/** Round trip: what was written is what the lens now shows, in every column that was written. */
function comesBack({ part, plan, event }: Writing): Sql {
  const types = typesOf(part.table);
  const lost = part.mapping.columns.map((column) => {
    const found = name('found_row', column);
    const isLost = differs(found, name('new', column), types.get(column));
    if (event === 'insert') return sql`(${isLost})`;
    const isWritten = differs(name('new', column), name('old', column), types.get(column));
    if (!part.isJoined) return sql`(${isLost} and ${isWritten})`;
    // With a row that another column has taken away, values go that nobody wrote.
    const kept = name('before_row', column);
    return sql`(case when ${isWritten} then ${isLost}
      else ${differs(found, kept, types.get(column))} end)`;
  });
  const condition = lost.length === 0 ? sql`` : sql` or ${joined(lost, ' or ')}`;
  const why = notRepresentable(plan, part, sql`'written and read values differ'`);
  return sql`select q.* into found_row from ${inRelease(plan.places, part.table.name)} as q
  where ${partKeyIs('q', part, 'new')};
  if not found${condition} then ${why} end if;`;
}

function notRepresentable(plan: SyncPlan, part: SplitPartPlan, why: Sql): Sql {
  const message = literal(
    `release ${plan.places.from} of this shard cannot hold this row of ${part.table.name}`,
  );
  return raise('HL001', message, {
    detail: why,
    hint: literal(
      `Release ${plan.places.from} is in service on this shard. ` +
        'Write what it can hold, or wait until the shard is contracted.',
    ),
  });
}

/** Keeps the columns that only the new release knows, beside the old row. */
function keep({ part, plan }: Writing): Sql[] {
  if (part.carried.length === 0) return [];
  const columns = part.table.columns.filter((column) => column.generated === null);
  const values = columns.map((column) => name('new', column.name));
  const set = part.carried.map(
    (column) => sql`${name(column.name)} = ${name('excluded', column.name)}`,
  );
  const isOverriding = columns.some((column) => column.identity === 'always');
  const overriding = isOverriding ? sql` overriding system value` : sql``;
  const into = names(columns.map((one) => one.name));
  return [
    sql`insert into ${work(plan.places, part.table.name)} (${into})${overriding} values (${values})
    on conflict (${names(part.mapping.slice)}) do update set ${set};`,
  ];
}

function forget({ part, plan }: Writing): Sql[] {
  if (part.carried.length === 0) return [];
  return [
    sql`delete from ${work(plan.places, part.table.name)} as t
    where ${partKeyIs('t', part, 'old')};`,
  ];
}

/** A base row with dependent parts goes only as the foreign keys of the new release allow. */
function dependents({ cluster, part, plan }: Writing): Sql[] {
  return cluster.parts
    .filter((one) => one !== part && !cascades(one, part))
    .map((one) => {
      const key = one.table.foreignKeys.find((candidate) => isToBase(candidate, part.table));
      const message =
        key === undefined
          ? `release ${plan.places.from} of this shard cannot hold ` +
            `rows of ${one.table.name} without one of ${part.table.name}`
          : `update or delete on table "${part.table.name}" ` +
            `violates foreign key constraint "${key.name}" on table "${one.table.name}"`;
      const lens = inRelease(plan.places, one.table.name);
      const baseKey = part.key.map((pair) => pair.new.name);
      return sql`if exists (
    select from ${lens} as q where ${sameKey('q', one.mapping.slice, 'old', baseKey)}
  ) then
    ${raise(key === undefined ? 'HL001' : '23503', literal(message))}
  end if;`;
    });
}
