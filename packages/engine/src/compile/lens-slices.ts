// Writing through a lens where slices hold many rows (slices.ts): one INSTEAD OF trigger function
// per table and event.
//
// The queries of the old tables are evaluated over what the lens shows and over what it should
// show, the written row in its place, and the difference is applied. Then the lens must show all
// rows of the touched slices as they should be, not the written one alone: what hangs together can
// be lost together.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { takenWith } from './cascades.js';
import { differs, qualified, rowOf, sameKey, typesOf } from './compared.js';
import { keepKeys } from './key-maps-new.js';
import { forget, keep } from './lens-carried.js';
import { constraints, isFree, noReference } from './lens-constraints.js';
import { notRepresentable, type Writing } from './lens-round-trip.js';
import { computed, fixedKey, isUnchanged, lensTrigger } from './lens-rows.js';
import { type Bind, bindWith, type Mapping } from './mapping.js';
import { inRelease, lensBind } from './places.js';
import type { Slices } from './recompute.js';
import { raise } from './routine.js';
import { applyDifferences } from './slices.js';
import { lockPolitely, ONE_ROW_PLANS, POLITE_VARIABLES } from './sync-backward.js';
import { EVENTS, hasSlice, renameSlices, type SyncPlan, sliceOfRow, touchOf } from './sync-plan.js';
import { carriedVariables, isCarried } from './sync-round-trip.js';

export function slicedTriggers(
  cluster: SplitCluster,
  part: SplitPartPlan,
  plan: SyncPlan,
): Statement[] {
  return EVENTS.flatMap((event) => {
    const writing: Writing = { cluster, part, plan, event };
    return lensTrigger(writing, {
      declare: [
        sql`found_row record`,
        sql`wanted_rows text[]`,
        sql`found_rows text[]`,
        sql`applied int`,
        ...POLITE_VARIABLES,
        ...carriedVariables(plan),
      ],
      settings: ONE_ROW_PLANS,
      body: bodyOf(writing),
    });
  });
}

function bodyOf(writing: Writing): Sql[] {
  const { cluster, part, plan, event } = writing;
  const base = (cluster.parts[0] ?? part).table;
  const rules = (self: 'old' | 'new') => [
    ...computed(writing),
    ...constraints(part, base, plan.places, self),
    ...ownReferences(writing),
  ];
  const begin = {
    insert: () => [...rules('new'), isFree(part, plan.places)],
    update: () => [
      ...refreshed(writing),
      ...rules('old'),
      ...(part.isBase ? [fixedKey(writing)] : movedKey(writing)),
    ],
    delete: () => referred(writing),
  }[event]();
  // What nothing keeps is refused before anything is written.
  const isRefused = plan.places.isTemporary;
  return [
    ...keepKeys(writing),
    ...locks(writing),
    ...(event === 'insert' ? [] : [isUnchanged(writing)]),
    ...begin,
    ...(isRefused && event !== 'delete' ? keep(part, plan.places, event) : []),
    ...(event === 'delete' ? [] : [inSomeSlice(writing)]),
    sql`wanted_rows := ${rowsOf(writing, wanted)};`,
    apply(writing),
    ...isCarried(plan, ownSlices(writing)),
    ...(event === 'delete'
      ? forget(part, plan.places)
      : isRefused
        ? []
        : keep(part, plan.places, event)),
    sql`found_rows := ${rowsOf(writing, shown)};
  if found_rows is distinct from wanted_rows then
    ${notRepresentable(plan, part, sql`'written and read rows differ'`)}
  end if;`,
    event === 'delete' ? sql`return old;` : sql`return new;`,
  ];
}

function inSomeSlice({ part, plan }: Writing): Sql {
  const why = notRepresentable(plan, part, sql`'nothing tells to which rows it belongs'`);
  return sql`if not (${hasSlice(plan, 'new', part.mapping)}) then ${why} end if;`;
}

/** What the statement has not written is as it is now, and not as the statement has read it. */
function refreshed({ part }: Writing): Sql[] {
  const types = typesOf(part.table);
  return part.table.columns.map(({ name: column }) => {
    const [fresh, read] = [name('new', column), name('old', column)];
    return sql`if not ${differs(fresh, read, types.get(column))} then
    ${fresh} := ${name('found_row', column)};
  end if;`;
  });
}

/** Keys among the tables of the cluster, which the old layout answers for when they all hold. */
function ownReferences({ cluster, part, plan }: Writing): Sql[] {
  const own = new Set(cluster.parts.map((one) => one.table.name));
  return part.table.foreignKeys
    .filter((key) => own.has(key.referencedTable) && key.referencedTable !== part.table.name)
    .map((key) => {
      const isGiven = joined(
        key.columns.map((one) => sql`${name('new', one)} is not null`),
        ' and ',
      );
      const at = inRelease(plan.places, key.referencedTable);
      const same = sameKey('r', key.referencedColumns, 'new', key.columns);
      return sql`if ${isGiven} and not exists (select from ${at} as r where ${same}) then
    ${noReference(part.table, key)}
  end if;`;
    });
}

/** A row to which others refer stays, unless they go with it. */
function referred({ cluster, part, plan }: Writing): Sql[] {
  return cluster.parts
    .filter((one) => one !== part)
    .flatMap((one) =>
      one.table.foreignKeys
        .filter((key) => key.referencedTable === part.table.name && key.onDelete !== 'cascade')
        .map((key) => {
          const at = inRelease(plan.places, one.table.name);
          const same = sameKey('r', key.columns, 'old', key.referencedColumns);
          const message =
            `update or delete on table "${part.table.name}" ` +
            `violates foreign key constraint "${key.name}" on table "${one.table.name}"`;
          return sql`if exists (select from ${at} as r where ${same}) then
    ${raise('23503', literal(message))}
  end if;`;
        }),
    );
}

/** A row that gets another key must find it free. */
function movedKey({ part, plan }: Writing): Sql[] {
  const isSame = sameKey('old', part.mapping.key, 'new');
  return [sql`if not (${isSame}) then ${isFree(part, plan.places)} end if;`];
}

/** The slices of the row before and after, named as the key of the cluster. */
function ownSlices({ part, plan, event }: Writing): Slices {
  const of = (row: 'old' | 'new') => sliceOfRow(plan, row, part.mapping);
  return {
    insert: of('new'),
    update: sql`${of('old')} union ${of('new')}`,
    delete: of('old'),
  }[event];
}

function slicesFor(writing: Writing): (mapping: Mapping) => Slices {
  return (mapping) => renameSlices(writing.plan, ownSlices(writing), mapping);
}

/**
 * Never in the queue of an old row, as in dual (sync-backward.ts): the slice has rows of several
 * tables or of several transactions, and whoever stands in two queues is in the way of the old
 * release.
 */
function locks(writing: Writing): Sql[] {
  const { plan } = writing;
  return [lockPolitely(plan, plan.backward, ownSlices(writing))];
}

function apply(writing: Writing): Sql {
  const { cluster, part, plan, event } = writing;
  const lens = lensBind(plan.places);
  const taken = event === 'delete' ? takenWith(cluster, part).map((one) => one.child) : [];
  const targets = plan.backward.filter(({ mapping }) =>
    [part, ...taken].some((one) => touchOf(mapping, one.relation) !== null),
  );
  const changes = applyDifferences(targets, plan.bind, {
    before: lens,
    after: cascaded(writing, bindWith(part.relation, written(writing), lens)),
    slices: slicesFor(writing),
    isFresh: event === 'insert',
    mayBeMade: false,
  });
  return sql`${changes} into applied;`;
}

/** The written table with the row as it should be, as far as it is of the slices. */
function written(writing: Writing): Sql {
  const { part, plan, event } = writing;
  const columns = part.table.columns.map((one) => one.name);
  const at = inRelease(plan.places, part.table.name);
  const isOld = sameKey('v', part.mapping.key, 'old');
  const others = event === 'insert' ? sql`` : sql` and not (${isOld})`;
  const own = slicesFor(writing)(part.mapping);
  const rest = sql`select ${qualified('v', columns)} from ${at} as v
      where ${rowOf('v', part.mapping.slice)} in (${own})${others}`;
  if (event === 'delete') return sql`(${rest})`;
  const row = columns.map((one) => sql`${name('new', one)} as ${name(one)}`);
  return sql`(${rest} union all select ${row})`;
}

/** With a row go those that refer to it, where the foreign key says so, and those behind them. */
function cascaded(writing: Writing, bind: Bind): Bind {
  const { cluster, part, plan, event } = writing;
  if (event !== 'delete') return bind;
  const columns = ({ table }: SplitPartPlan) => table.columns.map((one) => one.name);
  const row = columns(part).map((one) => sql`${name('old', one)} as ${name(one)}`);
  const gone = new Map<SplitPartPlan, Sql>([[part, sql`(select ${row})`]]);
  let all = bind;
  for (const { child, parent, key } of takenWith(cluster, part)) {
    const is = sql`exists (
        select from ${gone.get(parent) ?? sql``} as g
        where ${sameKey('v', key.columns, 'g', key.referencedColumns)}
      )`;
    const of = sql`select ${qualified('v', columns(child))}
        from ${inRelease(plan.places, child.table.name)} as v`;
    gone.set(child, sql`(${of} where ${is})`);
    all = bindWith(child.relation, sql`(${of} where not ${is})`, all);
  }
  return all;
}

type Seen = (writing: Writing, part: SplitPartPlan) => Sql;

const shown: Seen = ({ plan }, part) => inRelease(plan.places, part.table.name);

const wanted: Seen = (writing, part) => {
  const lens = lensBind(writing.plan.places);
  return cascaded(writing, bindWith(writing.part.relation, written(writing), lens))(part.relation);
};

/** All rows of the touched slices in all tables of the cluster, as sorted text. */
function rowsOf(writing: Writing, seen: Seen): Sql {
  const own = slicesFor(writing);
  const tables = writing.cluster.parts.map((part) => {
    const columns = part.table.columns.map((one) => name('v', one.name));
    const isOfSlice = sameKey('v', part.mapping.slice, 's');
    return sql`select ${literal(part.table.name)} || row(${columns})::text as line
    from (${own(part.mapping)}) as s
    cross join lateral (
      select * from ${seen(writing, part)} as v where ${isOfSlice} offset 0
    ) as v`;
  });
  return sql`array(
    select r.line from (${joined(tables, '\n    union all ')}) as r order by r.line collate "C"
  )`;
}
