// Duplicates that have a default (`dirty`): of several old rows with the same values of a unique
// key that only the new release has, the one that came first keeps them, the others have stated
// ones for the new release.
//
// Which row came first does not follow from the rows, so it is on record: a table beside the old
// one holds the keys of the rows that came second, and how the columns follow asks it through a
// function. So lens, sync, backfill and verify see the same, and no row has to change because
// another one does. A row is decided on when it comes, and when its values change: by a trigger
// before those of sync; all that is there, first by key, while the shard is prepared.
//
// Two rows that come at the same moment, in transactions that do not see each other, may both be
// first. The new table's index lets one in; when the other one's turn comes, it sees the first and
// is second (sync-carry.ts). While there is a lens, and no new table, the backfill does that.

import { generatedName } from '../names.js';
import { findColumn } from '../release/catalog.js';
import type { DirtyPolicy, Evolution } from '../release/evolution.js';
import { joined, name, names, type Sql, sql, trusted } from '../sql.js';
import type { Statement, Step } from './bundle.js';
import { rowOf, sameKey } from './compared.js';
import { pairsInto, ruleIn } from './dirty-policies.js';
import type { Layout, PairedTable } from './layout.js';
import { floorTable, type Places, work } from './places.js';
import { routine } from './routine.js';
import { type Lock, statement, transactionStep } from './statement.js';
import { INDEX_PLANS, ROWS } from './sync-plan.js';
import { TRANSITION } from './sync-triggers.js';

/** A unique key with a default. */
export interface Duplicates {
  readonly policy: DirtyPolicy;
  readonly pair: PairedTable;
  /** Old columns whose values are unique in the new release, in the order of the key. */
  readonly columns: readonly string[];
  /** The old primary key. */
  readonly key: readonly string[];
}

/** After assertPolicies. */
export function duplicatesIn(layout: Layout, evolution: Evolution): Duplicates[] {
  return evolution.dirty.flatMap((policy): Duplicates[] => {
    const pairs = pairsInto(layout, policy.table);
    const [pair] = pairs;
    if (policy.kind !== 'default' || pair === undefined) return [];
    const rule = ruleIn(pair.new, policy, pairs);
    if (rule?.kind !== 'unique') return [];
    const columns = rule.key.columns.flatMap(
      (one) => pair.forward.find(({ column }) => column.name === one)?.source ?? [],
    );
    return [{ policy, pair, columns, key: pair.old.primaryKey?.columns ?? [] }];
  });
}

/** Whether the old row is on record, as an expression over its columns. */
export function isSecond(one: Duplicates, places: Places): string {
  return sql`${functionAt(one, places)}(${names(one.key)})`.text;
}

function part({ policy }: Duplicates, places: Places, what: string): Sql {
  return work(places, what, policy.table, policy.constraint ?? '');
}

function functionAt(one: Duplicates, places: Places): Sql {
  return part(one, places, 'is_second');
}

function recordAt(one: Duplicates, places: Places): Sql {
  return part(one, places, 'second');
}

const EVENTS = { ...TRANSITION, truncate: sql`` } as const;
type Event = keyof typeof EVENTS;

/** Before those of sync, in the order of the alphabet. */
function triggerName({ policy }: Duplicates, event: Event): Sql {
  return name(generatedName('halflap_second', policy.constraint ?? '', event));
}

function events(): Event[] {
  return Object.keys(EVENTS) as Event[];
}

/** The record, what asks it, and the triggers of the old table that keep it. */
export function createDuplicates(one: Duplicates, places: Places): Statement[] {
  const { pair, key } = one;
  const types = key.map((column) => trusted(findColumn(pair.old, column)?.type ?? 'text'));
  const defined = key.map((column, at) => sql`${name(column)} ${types[at] ?? sql``}`);
  const given = key.map((column, at) => sql`${name('s', column)} = ${trusted(`$${at + 1}`)}`);
  const lock: Lock = { mode: 'SHARE ROW EXCLUSIVE', relation: pair.old.name };
  return [
    statement(sql`create table ${recordAt(one, places)} (${defined}, primary key (${names(key)}))`),
    statement(sql`create function ${functionAt(one, places)}(${types}) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp
as $halflap$
select exists (select from ${recordAt(one, places)} as s where ${joined(given, ' and ')})
$halflap$`),
    ...events().flatMap((event) => [
      statement(decide(one, places, event)),
      statement(
        sql`create trigger ${triggerName(one, event)} after ${trusted(event)}
on ${floorTable(pair.old.name)} ${EVENTS[event]}
for each statement execute function ${nameOf(one, places, event)}()`,
        lock,
      ),
    ]),
  ];
}

function nameOf(one: Duplicates, places: Places, event: Event): Sql {
  return work(places, 'decide_second', one.policy.table, one.policy.constraint ?? '', event);
}

/** Never fails a statement of the old release: undecided, a duplicate goes to quarantine. */
function decide(one: Duplicates, places: Places, event: Event): Sql {
  const body = {
    insert: [sql`${comeSecond(one, places, ROWS.new)};`],
    update: [leave(one, places, true), sql`${comeSecond(one, places, ROWS.new, isOther(one))};`],
    delete: [leave(one, places, false)],
    truncate: [sql`delete from ${recordAt(one, places)};`],
  }[event];
  return routine(places, {
    at: nameOf(one, places, event),
    returns: 'trigger',
    about: `which rows of ${one.pair.old.name} came second`,
    settings: INDEX_PLANS,
    body: [
      sql`begin
    ${joined(body, '\n    ')}
  exception when others then
    null;
  end;
  return null;`,
    ],
  });
}

/** The written row has other values than before, or another key. */
function isOther({ key, columns }: Duplicates): Sql {
  return sql`not exists (select from ${ROWS.old} as b
        where ${sameKey('b', key, 'n')} and ${same('b', 'n', columns)})`;
}

function same(left: string, right: string, columns: readonly string[]): Sql {
  return joined(
    columns.map((one) => sql`${name(left, one)} is not distinct from ${name(right, one)}`),
    ' and ',
  );
}

function leave(one: Duplicates, places: Places, isUpdate: boolean): Sql {
  const { key, columns } = one;
  const kept = sql` and not exists (select from ${ROWS.new} as n
        where ${sameKey('n', key, 'b')} and ${same('n', 'b', columns)})`;
  return sql`delete from ${recordAt(one, places)} as s using ${ROWS.old} as b
      where ${sameKey('s', key, 'b')}${isUpdate ? kept : sql``};`;
}

/**
 * Puts those of the rows on record that stand against another one. Of rows that come together, the
 * first by key is first, unless one was there before.
 */
export function comeSecond(
  one: Duplicates,
  places: Places,
  rows: Sql,
  isOther: Sql = sql`true`,
): Sql {
  const { key, columns, pair } = one;
  const record = recordAt(one, places);
  const given = columns.map((column) => sql`${name('n', column)} is not null`);
  return sql`insert into ${record} (${names(key)})
      select ${key.map((column) => name('n', column))} from ${rows} as n
      where ${isOther} and ${joined(given, ' and ')} and exists (
        select from ${floorTable(pair.old.name)} as o
        where ${sameKey('o', columns, 'n')} and ${rowOf('o', key)} <> ${rowOf('n', key)}
          and not exists (select from ${record} as s where ${sameKey('s', key, 'o')})
          and (${rowOf('o', key)} < ${rowOf('n', key)}
            or not exists (select from ${rows} as w where ${sameKey('w', key, 'o')})))
      on conflict do nothing`;
}

/** What is there: first by key. The rows are locked, so that what is found is what they hold. */
export function fillDuplicates(one: Duplicates, places: Places): Step {
  const { key, columns, pair, policy } = one;
  const at = floorTable(pair.old.name);
  const given = columns.map((column) => sql`${name('o', column)} is not null`);
  const found = [...key, ...columns];
  return transactionStep(
    `prepare/second/${policy.table}/${policy.constraint}`,
    `find rows of ${pair.old.name} that stand against ${policy.constraint}`,
    [
      statement(sql`with d as (
  select ${found.map((column) => name('o', column))},
    row_number() over (partition by ${columns.map((column) => name('o', column))}
      order by ${key.map((column) => name('o', column))}) as halflap_at
  from ${at} as o where ${joined(given, ' and ')}
), held as (
  select ${key.map((column) => name('o', column))} from d join ${at} as o
    on ${sameKey('o', key, 'd')} and ${sameKey('o', columns, 'd')}
  where d.halflap_at > 1
  for no key update of o
)
insert into ${recordAt(one, places)} (${names(key)}) select ${names(key)} from held
on conflict do nothing`),
    ],
  );
}

/** The triggers do nothing any more, whoever still meets them. */
export function endDuplicates(one: Duplicates, places: Places): Statement[] {
  return events().map((event) =>
    statement(
      routine(places, {
        at: nameOf(one, places, event),
        returns: 'trigger',
        about: 'nothing: one of the releases is not served any more',
        body: [sql`return null;`],
      }),
    ),
  );
}

/** Triggers that abort takes from an old table. */
export function duplicatesTriggers(all: readonly Duplicates[], table: string): Sql[] {
  return all
    .filter(({ pair }) => pair.old.name === table)
    .flatMap((one) => events().map((event) => triggerName(one, event)));
}
