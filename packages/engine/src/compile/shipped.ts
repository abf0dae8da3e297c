// The statements that carry the rows which the new release ships (shipped-plan.ts): the last step
// of prepare, which the shard is prepared by, and the step of abort that takes them back.
//
// All of it is one transaction, so a runner that dies has done nothing or all. What the old tables
// held under those keys before and after is kept beside, and abort compares: what is still as it
// was left there goes, or gets back what it had; what somebody has changed since, or refers to,
// stays.

import type { Catalog, Table } from '../release/catalog.js';
import { findColumn } from '../release/catalog.js';
import type { ShippedRow } from '../release/shipped.js';
import { joined, literal, name, names, type Sql, sql, trusted } from '../sql.js';
import { SHIPPED_STEP, type Statement, type Step } from './bundle.js';
import { anyDiffers, sameKey, typesOf } from './compared.js';
import type { Evolving } from './compile.js';
import { floorTable, type Places, stateTable, work } from './places.js';
import { sequenceOf } from './sequences.js';
import type { CarriedOld, CarriedTable } from './shipped-plan.js';
import { statement, transactionStep } from './statement.js';
import { typeOf } from './tables.js';

/** Values of a dump and of a row as JSON look the same in every session. */
const SAME_EVERYWHERE = sql`select set_config('timezone', 'UTC', true)`;

/** What refuses a row that stands against others of the customer: it is left out. */
const STANDS_AGAINST = sql`integrity_constraint_violation or with_check_option_violation
        or sqlstate 'HL001'`;

/** @param bound sets the search_path of the new release. */
export function shippedSteps(evolving: Evolving, bound: readonly Statement[]): Step[] {
  const { places, shipped } = evolving;
  if (!isCarrying(evolving)) return [];
  const carried = shipped.carried.filter((one) => one.added.length + one.changed.length > 0);
  const olds = oldTables(carried);
  return [
    transactionStep(
      SHIPPED_STEP,
      `rows that release ${places.to} ships are added`,
      [
        ...bound,
        statement(SAME_EVERYWHERE),
        statement(sql`create table ${recordOf(places)} (
  relation text, key jsonb, before jsonb, after jsonb, primary key (relation, key))`),
        statement(sql`create table ${leftOf(places)} (line text)`),
        ...carried.flatMap((one) => [
          ...rowsTable(one, places),
          ...one.olds.map((old) => statement(noteBefore(one, old, places))),
        ]),
        ...olds.flatMap((old) => formerTable(old, places)),
        ...carried.map((one) => statement(carry(one, places))),
        ...olds.map((old) => statement(noteAfter(old, places))),
        statement(sql`delete from ${recordOf(places)} as s
where s.before is not distinct from s.after`),
        statement(noteLeft(places)),
        ...carried.map((one) => statement(sql`drop table ${rowsOf(one.table, places)}`)),
        ...olds.map((old) => statement(sql`drop table if exists ${formerOf(old.table, places)}`)),
        ...shipped.carried.flatMap((one) => advance(one)),
      ],
      { entersPhase: 'prepared' },
    ),
  ];
}

export function isCarrying({ shipped }: Evolving): boolean {
  return shipped.carried.some(
    (one) => one.added.length + one.changed.length + Object.keys(one.drawn).length > 0,
  );
}

/** Where the rows stand that are told apart by it. */
function recordOf(places: Places): Sql {
  return work(places, 'halflap_shipped');
}

function leftOf(places: Places): Sql {
  return work(places, 'halflap_left_out');
}

function rowsOf(table: Table, places: Places): Sql {
  return work(places, 'halflap_shipped', table.name);
}

function formerOf(table: Table, places: Places): Sql {
  return work(places, 'halflap_formerly', table.name);
}

/** Each old table once. */
function oldTables(carried: readonly CarriedTable[]): CarriedOld[] {
  const all = carried.flatMap((one) => one.olds);
  return all.filter(
    (one, index) => all.findIndex((other) => other.table.name === one.table.name) === index,
  );
}

function rowsTable({ table, columns, added, changed }: CarriedTable, places: Places): Statement[] {
  const at = rowsOf(table, places);
  return filledTable(at, { table, columns }, [...added, ...changed]);
}

/** What the old release has shipped, to know what the customer has changed. */
function formerTable({ table, shipped }: CarriedOld, places: Places): Statement[] {
  if (shipped === null) return [];
  return filledTable(formerOf(table, places), { table, columns: shipped.columns }, shipped.rows);
}

function filledTable(
  at: Sql,
  { table, columns }: { readonly table: Table; readonly columns: readonly string[] },
  rows: readonly ShippedRow[],
): Statement[] {
  const defined = columns.map((one) => {
    const column = findColumn(table, one);
    return sql`${name(one)} ${column === undefined ? sql`text` : typeOf(column)}`;
  });
  const values = rows.map(
    (row) => sql`(${row.map((value) => (value === null ? trusted('null') : literal(value)))})`,
  );
  return [
    statement(sql`create table ${at} (halflap_at int generated always as identity, ${defined})`),
    ...(values.length === 0
      ? []
      : [statement(sql`insert into ${at} (${names(columns)}) values ${joined(values, ',\n  ')}`)]),
  ];
}

/** The key of the old row that stands for row `r`. */
function oldKey({ key }: CarriedOld, own: readonly string[]): Sql {
  const parts = key.map((one, at) => sql`${literal(one)}, ${name('r', own[at] ?? '')}`);
  return sql`jsonb_build_object(${parts})`;
}

function noteBefore({ table, key }: CarriedTable, old: CarriedOld, places: Places): Sql {
  return sql`insert into ${recordOf(places)} (relation, key, before)
select ${literal(old.table.name)}, ${oldKey(old, key)}, to_jsonb(o.*)
from ${rowsOf(table, places)} as r
left join ${floorTable(old.table.name)} as o on ${sameKey('o', old.key, 'r', key)}
on conflict do nothing`;
}

function noteAfter({ table, key }: CarriedOld, places: Places): Sql {
  return sql`update ${recordOf(places)} as s
set after = to_jsonb(o.*)
from ${floorTable(table.name)} as o
where s.relation = ${literal(table.name)}
  and s.key = jsonb_build_object(${key.map((one) => sql`${literal(one)}, ${name('o', one)}`)})`;
}

/** Rows that were left out are told by the journal. */
function noteLeft(places: Places): Sql {
  return sql`update ${stateTable('journal')} as j
set detail = j.detail || jsonb_build_object('leftOut', l.lines)
from ${stateTable('shard')} as s, (select jsonb_agg(line) as lines from ${leftOf(places)}) as l
where j.attempt = s.attempt and j.step = ${literal(SHIPPED_STEP)} and l.lines is not null`;
}

/** In the order of the file, each row by itself. */
function carry(one: CarriedTable, places: Places): Sql {
  const { table, at, key, columns } = one;
  const values = columns.map((column) => name('r', column));
  const changing = columns.filter((column) => !key.includes(column));
  const set = changing.map((column) => sql`${name(column)} = ${name('r', column)}`);
  const change =
    changing.length === 0
      ? sql`null;`
      : sql`update ${at} as t set ${set}
          where ${sameKey('t', key, 'r')} and (${anyDiffers('t', 'r', changing, typesOf(table))});`;
  const told = joined(
    key.map((column) => sql`${literal(`${column}=`)} || ${name('r', column)}`),
    ` || ', ' || `,
  );
  return sql`do $halflap$
declare
  r record;
begin
  for r in select * from ${rowsOf(table, places)} order by halflap_at loop
    begin
      if exists (select from ${at} as t where ${sameKey('t', key, 'r')}) then
        if ${isAsShipped(one, places)} then
          ${change}
        end if;
      elsif ${isUnknown(one, places)} then
        insert into ${at} (${names(columns)}) overriding system value values (${values});
      end if;
    exception when ${STANDS_AGAINST} then
      insert into ${leftOf(places)} (line) values (${literal(`${table.name} (`)} || ${told}
        || '): ' || sqlerrm);
    end;
  end loop;
end
$halflap$`;
}

/** The old release has shipped no row under the key: nobody has taken it away. */
function isUnknown({ key, olds }: CarriedTable, places: Places): Sql {
  const known = olds.flatMap((old) =>
    old.shipped === null
      ? []
      : [
          sql`not exists (select from ${formerOf(old.table, places)} as f
          where ${sameKey('f', old.key, 'r', key)})`,
        ],
  );
  return known.length === 0 ? sql`true` : joined(known, ' and ');
}

/** All that the old release has shipped under the key is as it was. */
function isAsShipped({ key, olds }: CarriedTable, places: Places): Sql {
  const shipped = olds.filter((old) => old.shipped !== null);
  if (shipped.length === 0) return sql`false`;
  return joined(
    shipped.map(
      (old) => sql`exists (select from ${formerOf(old.table, places)} as f
          join ${floorTable(old.table.name)} as o on ${sameKey('o', old.key, 'f')}
          where ${sameKey('f', old.key, 'r', key)}
            and not (${anyDiffers('o', 'f', old.shipped?.columns ?? [], typesOf(old.table))}))`,
    ),
    ' and ',
  );
}

/** Sequences go on behind what the release has drawn, never back. */
function advance({ table, at, olds, drawn, key }: CarriedTable): Statement[] {
  return Object.entries(drawn).flatMap(([column, last]) => {
    const place = key.indexOf(column);
    const old = olds[0];
    // Behind a lens, new rows draw from the sequence of the old table.
    const own =
      old === undefined
        ? { at, column }
        : { at: floorTable(old.table.name), column: old.key[place] };
    if (own.column === undefined || !findColumn(old?.table ?? table, own.column)) return [];
    const sequence = sequenceOf(own.at, own.column);
    return [
      statement(sql`select setval(q.name::regclass, ${literal(last)}::bigint)
from (select ${sequence} as name) as q
where coalesce(pg_sequence_last_value(q.name::regclass), 0) < ${literal(last)}::bigint`),
    ];
  });
}

/** What was put in and is as it was left goes; what was changed gets back what it had. */
export function abortShipped(evolving: Evolving): Step[] {
  if (!isCarrying(evolving)) return [];
  const { places, shipped, from } = evolving;
  const olds = oldTables(shipped.carried).reverse();
  if (olds.length === 0) return [];
  return [
    transactionStep(
      'abort/data',
      `rows that release ${places.to} has shipped go, unless they are in use`,
      [statement(SAME_EVERYWHERE), ...olds.map((old) => statement(takeBack(old, from, places)))],
    ),
  ];
}

function takeBack({ table, key }: CarriedOld, from: Catalog, places: Places): Sql {
  const at = floorTable(table.name);
  const isRow = joined(
    key.map((one) => {
      const type = trusted(findColumn(table, one)?.type ?? 'text');
      return sql`${name('o', one)} = (s.key ->> ${literal(one)})::${type}`;
    }),
    ' and ',
  );
  const written = table.columns
    .filter((one) => one.generated === null && !key.includes(one.name))
    .map((one) => one.name);
  const back = written.map((one) => sql`${name(one)} = ${name('b', one)}`);
  const unused = joined([sql`to_jsonb(o.*) = s.after`, ...referring(table, from)], ' and ');
  return sql`do $halflap$
declare
  s record;
begin
  -- An abort half-way through prepare finds no record.
  if to_regclass(${literal(recordOf(places).text)}) is null then
    return;
  end if;
  for s in select * from ${recordOf(places)} where relation = ${literal(table.name)} loop
    begin
      if s.before is null then
        delete from ${at} as o where ${isRow} and ${unused};
      else
        ${
          back.length === 0
            ? sql`null;`
            : sql`update ${at} as o set ${back}
        from jsonb_populate_record(null::${at}, s.before) as b
        where ${isRow} and to_jsonb(o.*) = s.after;`
        }
      end if;
    exception when integrity_constraint_violation then
      null;
    end;
  end loop;
end
$halflap$`;
}

/** Nothing refers to the row, or would go along with it. */
function referring(table: Table, from: Catalog): Sql[] {
  return from.tables.flatMap((other) =>
    other.foreignKeys
      .filter((key) => key.referencedTable === table.name)
      .map((key) => {
        const same = sameKey('c', key.columns, 'o', key.referencedColumns);
        return sql`not exists (select from ${floorTable(other.name)} as c where ${same})`;
      }),
  );
}
