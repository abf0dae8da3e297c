// Lookup tables through an evolution (changes/lookup.ts): the functions that look up, and the
// triggers that keep a lookup table and the values of the other release together.
//
// | the lookup table is | a value is written | its row changes            | its row goes    |
// |---------------------|--------------------|----------------------------|-----------------|
// | the new release's   | it gets a row      | the values follow          | as its key says |
// | the old release's   | it gets a row      | the rows that refer follow | as its key says |
//
// A lookup table of the new release has a row for every value before the first server of the new
// release looks: it is filled while the shard is being prepared, and triggers see to it from then
// on. So preparing takes as long as reading the old table once. Rows that nothing refers to stay.

import type { Lookup } from '../changes/lookup.js';
import { joined, name, names, type Sql, sql, trusted } from '../sql.js';
import type { BackfillStep, Statement } from './bundle.js';
import { fenced, floorTable, inRelease, type Places, work } from './places.js';
import { routine } from './routine.js';
import { statement } from './statement.js';
import type { SyncPlan } from './sync-plan.js';
import { keyColumns } from './tables.js';

export function isNewTable({ change }: Lookup): boolean {
  return change.kind === 'extract_table';
}

export function isOldTable(lookup: Lookup): boolean {
  return !isNewTable(lookup);
}

/** Where the lookup table is. */
function placeOf(lookup: Lookup, places: Places, stage: 'floor' | 'fenced'): Sql {
  const { table } = lookup;
  if (isNewTable(lookup)) return inRelease(places, table.name);
  return stage === 'floor' ? floorTable(table.name) : fenced(places, table.name);
}

/** The functions that the expressions of changes/lookup.ts call. */
export function lookupFunctions(
  lookups: readonly Lookup[],
  places: Places,
  stage: 'floor' | 'fenced',
): Statement[] {
  return perTable(lookups).flatMap((lookup) => [
    isNewTable(lookup) ? findKey(lookup, places) : makeKey(lookup, places, stage),
    ...lookup.values.map(({ column }) => {
      const at = placeOf(lookup, places, stage);
      const found = sql`select t.${name(column.name)} from ${at} as t`;
      return statement(
        sql`create or replace function ${trusted(lookup.valueFor(column.name))}(
  ${trusted(lookup.key.type)}
) returns ${trusted(column.type)}
language sql stable security definer
set search_path = pg_catalog, ${name(places.releaseSchema)}, public, pg_temp
as $halflap$ ${found} where t.${name(lookup.key.name)} = $1 $halflap$`,
      );
    }),
  ]);
}

/** Several references may lead to one lookup table. */
function perTable(lookups: readonly Lookup[]): Lookup[] {
  return lookups.filter(
    (one, index) => lookups.findIndex((other) => other.keyFor === one.keyFor) === index,
  );
}

function parameters({ values }: Lookup): Sql {
  return joined(values.map(({ column }) => trusted(column.type)));
}

function valuesAre(lookup: Lookup, alias: string): Sql {
  return joined(
    lookup.values.map(
      ({ column }, index) => sql`${name(alias, column.name)} = ${trusted(`$${index + 1}`)}`,
    ),
    ' and ',
  );
}

function findKey(lookup: Lookup, places: Places): Statement {
  const at = placeOf(lookup, places, 'floor');
  return statement(
    sql`create or replace function ${trusted(lookup.keyFor)}(${parameters(lookup)})
returns ${trusted(lookup.key.type)}
language sql stable security definer
set search_path = pg_catalog, ${name(places.releaseSchema)}, public, pg_temp
as $halflap$
select t.${name(lookup.key.name)} from ${at} as t where ${valuesAre(lookup, 't')}
$halflap$`,
  );
}

/** The old release's row for the values, made where there is none; held until the commit. */
function makeKey(lookup: Lookup, places: Places, stage: 'floor' | 'fenced'): Statement {
  const at = placeOf(lookup, places, stage);
  const columns = lookup.values.map(({ column }) => column.name);
  const given = columns.map((_, index) => trusted(`$${index + 1}`));
  const isNone = joined(
    given.map((one) => sql`${one} is null`),
    ' or ',
  );
  const key = name(lookup.key.name);
  return statement(
    sql`create or replace function ${trusted(lookup.keyFor)}(${parameters(lookup)})
returns ${trusted(lookup.key.type)}
language plpgsql volatile security definer
set search_path = pg_catalog, ${name(places.releaseSchema)}, public, pg_temp
as $halflap$
#variable_conflict use_column
declare
  halflap_found ${trusted(lookup.key.type)};
begin
  if ${isNone} then
    return null;
  end if;
  loop
    select t.${key} into halflap_found from ${at} as t where ${valuesAre(lookup, 't')} for share;
    if found then
      return halflap_found;
    end if;
    insert into ${at} as t (${names(columns)}) values (${given})
    on conflict do nothing returning t.${key} into halflap_found;
    if found then
      return halflap_found;
    end if;
  end loop;
end
$halflap$`,
  );
}

export function functionName(lookup: Lookup, places: Places, what: string): Sql {
  return work(places, 'lookup', lookup.table.name, lookup.change.reference, what);
}

/** Before those of sync, in the order of the alphabet. */
export function triggerName(lookup: Lookup, what: string): Sql {
  return name(`halflap_lookup_${lookup.change.reference}_${what}`.slice(0, 63));
}

export function missingValues(lookup: Lookup, places: Places, rows: Sql): Sql {
  const at = placeOf(lookup, places, 'floor');
  const columns = lookup.values.map(({ column }) => column.name);
  const values = lookup.values.map(({ other }) => name('r', other));
  const given = joined(
    values.map((one) => sql`${one} is not null`),
    ' and ',
  );
  const isThere = joined(
    lookup.values.map(
      ({ column }, index) => sql`${name('t', column.name)} = ${values[index] ?? sql``}`,
    ),
    ' and ',
  );
  return sql`insert into ${at} as t (${names(columns)})
    select distinct ${values} from ${rows} as r
    where ${given} and not exists (select from ${at} as t where ${isThere})`;
}

/** Fills a lookup table of the new release with the values that are there. */
export function fillLookup(lookup: Lookup, places: Places): BackfillStep {
  const { old, table } = lookup;
  const source = floorTable(old.name);
  const rows = sql`(select source.* from ${source} as source where ${trusted('{{range:source}}')})`;
  return {
    kind: 'backfill',
    id: `prepare/lookup/${table.name}/${lookup.change.reference}`,
    title: `fill ${table.name} with the values of ${old.name}`,
    relation: old.name,
    source: source.text,
    key: keyColumns(old, old.primaryKey?.columns ?? []),
    batch: [sql`${missingValues(lookup, places, rows)} on conflict do nothing`.text],
    oneByOne: [sql`select from ${rows} as r where false`.text],
  };
}

/** Triggers do nothing any more, whoever still meets them. */
export function endLookup(lookup: Lookup, places: Places): Statement[] {
  const nothing = (what: string, result: Sql) =>
    statement(
      routine(places, {
        at: functionName(lookup, places, what),
        returns: 'trigger',
        about: 'nothing: one of the releases is not served any more',
        body: [sql`return ${result};`],
      }),
    );
  return isNewTable(lookup)
    ? [nothing('change', sql`null`), nothing('remove', sql`old`)]
    : [nothing('follow', sql`null`)];
}

/** What the old tables lose when the shard returns to their release. */
export function abortLookup(lookup: Lookup, places: Places): Statement[] {
  const ended = endLookup(lookup, places);
  if (!isNewTable(lookup)) return ended;
  return [
    ...ended,
    statement(
      routine(places, {
        at: functionName(lookup, places, 'add'),
        returns: 'trigger',
        about: `nothing: release ${places.to} is not served any more`,
        body: [sql`return null;`],
      }),
    ),
  ];
}

/** Triggers that abort takes from old tables: on which, and their names. */
export function oldTriggers(lookup: Lookup): { readonly table: string; readonly names: Sql[] } {
  return isNewTable(lookup)
    ? {
        table: lookup.old.name,
        names: [triggerName(lookup, 'insert'), triggerName(lookup, 'update')],
      }
    : { table: lookup.table.name, names: [triggerName(lookup, 'follow')] };
}

/** Functions under triggers of a lookup table of the new release. */
export function dropLookup(lookup: Lookup, places: Places): Statement[] {
  if (!isNewTable(lookup)) return [];
  const relation = `${places.releaseSchema}.${lookup.table.name}`;
  return ['change', 'remove', 'truncate'].map((what) =>
    statement(sql`drop function ${functionName(lookup, places, what)}() cascade`, {
      mode: 'ACCESS EXCLUSIVE',
      relation,
    }),
  );
}

/** Rows of which a value has no row in the lookup table, which has refused it. */
export function withoutLookup(
  lookup: Lookup,
  plan: SyncPlan,
): { rule: string; sql: string } | null {
  if (!isNewTable(lookup)) return null;
  const part = plan.cluster.forward[0];
  const values = lookup.values.map(({ other }) => name('o', other));
  const key = plan.key.map(
    (one, index) => sql`${name('o', one.name)} as ${name(part?.key[index] ?? one.name)}`,
  );
  const given = joined(
    values.map((one) => sql`${one} is not null`),
    ' and ',
  );
  return {
    rule: `every value of ${lookup.old.name} has a row in ${lookup.table.name}`,
    sql: sql`select ${key} from ${floorTable(lookup.old.name)} as o
where ${given} and ${trusted(lookup.keyFor)}(${values}) is null`.text,
  };
}
