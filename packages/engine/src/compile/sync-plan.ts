// What the generators of sync share: the plan of one cluster in one stage, the names of its
// machinery, and the ways to speak of the slices that a statement touched.

import type { KeyMap } from '../changes/key-map.js';
import { generatedName } from '../names.js';
import { joined, literal, name, type Sql, sql, trusted } from '../sql.js';
import { sameKey } from './compared.js';
import type { Duplicates } from './duplicates.js';
import type { Bind, Cluster, Mapping, Relation, Touch } from './mapping.js';
import { type Places, work } from './places.js';
import { type Slices, slicesOf, type Target, unionSlices } from './recompute.js';
import { type Routine, routine } from './routine.js';
import { stableBigint } from './statement.js';

export type Event = 'insert' | 'update' | 'delete';
export const EVENTS: readonly Event[] = ['insert', 'update', 'delete'];
/** What the triggers of an old table are for; their names and their functions' end in it. */
export const FORWARD_EVENTS = [...EVENTS, 'key', 'truncate', 'existence'] as const;

/** All that sync of one cluster needs in one stage. */
export interface SyncPlan {
  readonly places: Places;
  readonly cluster: Cluster;
  readonly key: readonly { readonly name: string; readonly type: string }[];
  readonly bind: Bind;
  /** Keys of the new release that are checked here, and not at a commit of the old one. */
  readonly checkedAtOnce: readonly Sql[];
  readonly forward: readonly Target[];
  /** The old tables first, then spill. */
  readonly backward: readonly Target[];
  /** Maps in which rows of the old tables must have an entry. */
  readonly maps: readonly KeyMap[];
  /** Unique keys of the new tables whose duplicates have a default. */
  readonly duplicates: readonly Duplicates[];
  /** Whether the old release is refused already: what is carried back may come to an end. */
  readonly isFenced: boolean;
}

/** A statement that touches more rows than this claims the whole cluster instead of each slice. */
export const CLAIMED_SLICES = 64;

/** The transition tables of every sync trigger. */
export const ROWS = { old: sql`h_old`, new: sql`h_new` };

/**
 * Plans that are made once and serve one row as well as a hundred thousand: rows of a table are
 * always found by index, whatever the statistics or the first statement suggest.
 */
export const INDEX_PLANS = [
  sql`set enable_seqscan = off`,
  sql`set enable_hashjoin = off`,
  sql`set enable_mergejoin = off`,
];

/**
 * A trigger function of sync: silent on the engine's own writes, and marks its own as such while it
 * works. The function asks and not the trigger's condition, which PostgreSQL parses anew for every
 * statement; and marks by calls and not by a SET clause, which only a superuser may give for such a
 * parameter.
 */
export function syncRoutine(plan: SyncPlan, one: Omit<Routine, 'returns'>): Sql {
  return routine(plan.places, {
    ...one,
    returns: 'trigger',
    declare: [...MARK_VARIABLES, ...(one.declare ?? [])],
    body: [
      sql`if echo = ${literal(plan.cluster.id)} then return null; end if;`,
      ...marked(plan, one.body),
      sql`return null;`,
    ],
  });
}

/** Variables of a function whose body is marked. */
export const MARK_VARIABLES = [
  sql`echo text := coalesce(current_setting('halflap.echo', true), '')`,
  sql`marker text`,
];

/** The writes of the body are the engine's own; what was marked before is given back. */
export function marked(plan: SyncPlan, body: readonly Sql[]): Sql[] {
  return [
    sql`marker := set_config('halflap.echo', ${literal(plan.cluster.id)}, true);`,
    ...body,
    sql`marker := set_config('halflap.echo', echo, true);`,
  ];
}

/**
 * What carries back until the old layout is not kept any more. That comes at once for all tables of
 * a cluster, but not for all sessions: one in a transaction may know the functions as they were,
 * and meet rows that others have not carried. What fails then is of no account to anybody. A
 * sequence tells, since every session sees at once where it stands.
 */
export function untilQuiet(plan: SyncPlan, body: readonly Sql[]): Sql[] {
  if (!plan.isFenced) return [...body];
  return [
    sql`begin
    ${joined(body, '\n    ')}
  exception when others then
    if pg_sequence_last_value(${literal(quietSequence(plan).text)}::regclass) is null then
      raise;
    end if;
  end;`,
  ];
}

/** Has a value once what is written into the cluster is not carried back any more. */
export function quietSequence(plan: SyncPlan): Sql {
  return work(plan.places, 'quiet', plan.cluster.id);
}

export function oldWrites(places: Places): Sql {
  return work(places, 'halflap_old_writes');
}

/** Advanced when a row goes to quarantine. */
export function quarantineCount(places: Places): Sql {
  return work(places, 'halflap_quarantined');
}

export function carryName(plan: SyncPlan): Sql {
  return work(plan.places, 'carry', plan.cluster.id);
}

export function forwardName(
  plan: SyncPlan,
  table: string,
  event: (typeof FORWARD_EVENTS)[number],
): Sql {
  return work(plan.places, 'forward', table, event);
}

export function backwardName(
  plan: SyncPlan,
  table: string,
  event: Event | 'truncate' | 'key' | 'yield',
): Sql {
  return work(plan.places, 'backward', table, event);
}

/** What is kept beside the old tables. */
export function spillsOf(plan: SyncPlan): Target[] {
  return plan.backward.filter(({ mapping }) => mapping.target.side === 'spill');
}

/** Of spill: whether it keeps values; the other kind keeps which rows are missing. */
export function isOfValues({ mapping }: Target): boolean {
  return mapping.columns.length > 0;
}

export function keyNames(plan: SyncPlan): string[] {
  return plan.key.map((one) => one.name);
}

/** The variable that holds a key column of the one row; no column of a release is called so. */
export function keyVariable(column: string): Sql {
  return name(generatedName('halflap', column));
}

/** How a row of some relation tells its slice. */
export type RowSlice = Pick<Mapping, 'slice' | 'via'>;

/** The slices of some rows, named as the key of the cluster. */
export function slicesOfRows(plan: SyncPlan, rows: Sql, { slice, via }: RowSlice): Slices {
  if (via === null) return slicesOf(rows, slice, keyNames(plan));
  const columns = keyNames(plan).map(
    (key, place) => sql`${name('k', via.slice[place] ?? '')} as ${name(key)}`,
  );
  return sql`select ${columns} from ${rows} as r
    join ${plan.bind(via.map)} as k on ${sameKey('k', via.drawn, 'r', slice)}`;
}

/** The slice of one row that a trigger has at hand, named as the key of the cluster. */
export function sliceOfRow(plan: SyncPlan, row: string, of: RowSlice): Slices {
  const values = of.slice.map((column) => sql`${name(row, column)} as ${name(column)}`);
  return slicesOfRows(plan, sql`(select ${values})`, of);
}

/** Whether a row belongs to any slice: nothing of the other release would come of it if not. */
export function hasSlice(plan: SyncPlan, row: string, { slice, via }: RowSlice): Sql {
  if (via === null) {
    return joined(
      slice.map((column) => sql`${name(row, column)} is not null`),
      ' and ',
    );
  }
  const is = sameKey('k', via.drawn, row, slice);
  return sql`exists (select from ${plan.bind(via.map)} as k where ${is})`;
}

/** The slices of a statement, each once, named as the key of the cluster. */
export function touchedSlices(event: Event, of: RowSlice, plan: SyncPlan): Slices {
  const rows = { insert: [ROWS.new], update: [ROWS.new, ROWS.old], delete: [ROWS.old] }[event];
  const slices = unionSlices(rows.map((one) => slicesOfRows(plan, one, of)));
  // Where rows hang together, several of one statement may be of the same slice.
  const isShared = plan.cluster.forward.some((one) => one.perSlice === 'many rows');
  return isShared && rows.length === 1 ? sql`select distinct s.* from (${slices}) as s` : slices;
}

/** The same slices, named as the mapping's target names them. */
export function renameSlices(plan: SyncPlan, slices: Slices, mapping: Mapping): Slices {
  const { slice, via } = mapping;
  if (via === null) return slicesOf(sql`(${slices})`, keyNames(plan), slice);
  const columns = slice.map(
    (column, place) => sql`${name('k', via.drawn[place] ?? '')} as ${name(column)}`,
  );
  return sql`select ${columns} from (${slices}) as r
    join ${plan.bind(via.map)} as k on ${sameKey('k', via.slice, 'r', keyNames(plan))}`;
}

/** How a relation touches a target; null where it does not. */
export function touchOf(mapping: Mapping, { side, name: called }: Relation): Touch | null {
  return (
    mapping.touches.find(({ source }) => source.side === side && source.name === called) ?? null
  );
}

/**
 * Number of rows that the statement touched, as far as two: decides between the two sets of plans.
 */
export function countToTwo(event: Event): Sql {
  return countTo(event, 2);
}

/** The number of the statement's rows, of which no more are counted than is asked. */
export function countTo(event: Event, most: number): Sql {
  const some = sql`select from ${rowsOf(event)} limit ${trusted(String(most))}`;
  return sql`(select count(*) from (${some}) as r)`;
}

/** The rows as the statement left them, or took them. */
export function rowsOf(event: Event): Sql {
  return event === 'delete' ? ROWS.old : ROWS.new;
}

/** The advisory lock by which a writer claims one slice; `columns` in the order of the key. */
export function sliceClaim(plan: SyncPlan, columns: readonly Sql[]): Sql {
  return sql`(hashtextextended(row(${columns})::text, ${clusterClaim(plan)}) & -2)`;
}

/** The advisory lock that claims all slices of the cluster. */
export function clusterClaim(plan: SyncPlan): Sql {
  const hash = literal(stableBigint(`${plan.places.workSchema}.${plan.cluster.id}`));
  return sql`(${hash}::bigint & -2)`;
}

/** Rows of quarantine that are the cluster's. */
export function ownQuarantine({ places, cluster }: SyncPlan, alias: string): Sql {
  const [evolution, relation] = [name(alias, 'evolution'), name(alias, 'relation')];
  return sql`${evolution} = ${literal(places.evolution)} and ${relation} = ${literal(cluster.id)}`;
}

/** The key as quarantine keeps it; `columns` in the order of the key. */
export function quarantineKey(plan: SyncPlan, columns: readonly Sql[]): Sql {
  return keyObject(plan.key.map((one, index) => ({ ...one, value: columns[index] ?? sql`` })));
}

/**
 * Whether a row of quarantine is of this key. Where another transaction has hold of the key's row,
 * or a snapshot does not see it, there is one more under the empty name, with a transaction's id.
 */
export function isOfKey(alias: string, key: Sql): Sql {
  return sql`${name(alias, 'key')} - ''::text = ${key}`;
}

/** Sessions of any time zone write the same key, and a cast to the column's type reads it. */
export function keyObject(
  columns: readonly { readonly name: string; readonly type: string; readonly value: Sql }[],
): Sql {
  const pairs = columns.map(({ name: column, type, value }) => {
    const isZoned = /^timestamp.* with time zone$/.test(type);
    const zoned = sql`(to_jsonb(${value} at time zone 'UTC') #>> '{}') || 'Z'`;
    return sql`${literal(column)}, ${isZoned ? zoned : value}`;
  });
  return sql`jsonb_build_object(${pairs})`;
}

/** What is put off would be found broken when the old release commits, where nothing catches it. */
export function checkAtOnce({ checkedAtOnce }: SyncPlan): Sql {
  return checkedAtOnce.length === 0 ? sql`` : sql`set constraints ${checkedAtOnce} immediate;`;
}

export function asStatic(statement: Sql): Sql {
  return sql`${statement};`;
}
