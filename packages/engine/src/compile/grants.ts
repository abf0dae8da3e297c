// Rights: what could use an old table can use what takes its place, on every shard, whatever the
// roles there are called. Rights are read on the shard when the step runs, so a bundle names no
// role.
//
// A role that has rights on some columns only gets them on the columns that come from those; on a
// computed column where it has them on every column that it is computed from. The owner of the old
// table counts as a role that has all rights, since the new one may be made by another.

import type { Origin } from '../changes/sliced.js';
import type { SplitPartPlan } from '../changes/split-table.js';
import { columnsOf } from '../release/expression.js';
import { literal, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import type { PairedTable } from './layout.js';
import { floorTable, type Places, work } from './places.js';
import { HASH_HOLE } from './routine.js';
import { statement } from './statement.js';

/** New column → the old columns that it comes from. */
export type ColumnSources = Readonly<Record<string, readonly string[]>>;

/** Functions of the work schema that copy the rights on one relation to another. */
export function grantFunctions(places: Places, isJoined: boolean): Statement[] {
  const origin = trusted(`${places.evolution} ${HASH_HOLE}`);
  return [
    statement(sql`create function ${rightsFunction(places)}(source regclass, target regclass)
returns void language plpgsql
set search_path = pg_catalog, pg_temp
as $halflap$
-- Halflap ${origin}: gives the roles that may use one relation the same rights on another
declare
  item record;
begin
  for item in
    select case a.grantee when 0 then 'public' else quote_ident(r.rolname) end as role,
           string_agg(distinct a.privilege_type, ', ') as rights,
           case when a.is_grantable then ' with grant option' else '' end as option
    from pg_class as c
    cross join lateral aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
    left join pg_roles as r on r.oid = a.grantee
    where c.oid = source
      and a.grantee <> (select t.relowner from pg_class as t where t.oid = target)
      and (a.grantee = 0 or r.rolname is not null)
    group by 1, a.is_grantable
  loop
    execute format('grant %s on %s to %s%s', item.rights, target, item.role, item.option);
  end loop;
end
$halflap$`),
    statement(sql`create function ${columnRightsFunction(places)}(
  source regclass, target regclass, sources jsonb
)
returns void language plpgsql
set search_path = pg_catalog, pg_temp
as $halflap$
-- Halflap ${origin}: gives the roles that may use some columns of one relation the same rights on
-- those columns of another that come from them
declare
  item record;
begin
  for item in
    select case a.grantee when 0 then 'public' else quote_ident(r.rolname) end as role,
           a.privilege_type as privilege,
           s.key as column
    from jsonb_each(sources) as s
    cross join lateral jsonb_array_elements_text(s.value) as f(source_column)
    join pg_attribute as c on c.attrelid = source and c.attname = f.source_column
    cross join lateral aclexplode(c.attacl) as a
    left join pg_roles as r on r.oid = a.grantee
    where a.grantee = 0 or r.rolname is not null
    group by 1, 2, 3, s.value
    having count(distinct f.source_column) = jsonb_array_length(s.value)
  loop
    execute format('grant %s (%I) on %s to %s', item.privilege, item.column, target, item.role);
  end loop;
end
$halflap$`),
    ...(isJoined ? [joinedRights(places)] : []),
  ];
}

/**
 * Of several tables in one: a right on the whole where a role has it on all of them, and else on
 * the columns that come from what it has the right on.
 */
function joinedRights(places: Places): Statement {
  const origin = trusted(`${places.evolution} ${HASH_HOLE}`);
  return statement(sql`create function ${joinedRightsFunction(places)}(
  sources regclass[], target regclass, columns jsonb
)
returns void language plpgsql
set search_path = pg_catalog, pg_temp
as $halflap$
-- Halflap ${origin}: gives the roles that may use several relations the same rights on the one that
-- they become
declare
  item record;
begin
  for item in
    with source as (
      select u.place, c.oid, c.relowner, c.relacl
      from unnest(sources) with ordinality as u(relation, place)
      join pg_class as c on c.oid = u.relation
    ),
    whole as (
      select s.place, a.grantee, a.privilege_type, a.is_grantable
      from source as s
      cross join lateral aclexplode(coalesce(s.relacl, acldefault('r', s.relowner))) as a
    ),
    needed as (
      select e.key as target_column, (f.value ->> 0)::bigint as place, f.value ->> 1 as column,
             jsonb_array_length(e.value) as count
      from jsonb_each(columns) as e cross join lateral jsonb_array_elements(e.value) as f
    ),
    part as (
      select n.*, w.grantee, w.privilege_type
      from needed as n join whole as w on w.place = n.place
      union
      select n.*, a.grantee, a.privilege_type
      from needed as n
      join source as s on s.place = n.place
      join pg_attribute as c on c.attrelid = s.oid and c.attname = n.column
      cross join lateral aclexplode(c.attacl) as a
    ),
    granted as (
      select null::text as target_column, w.grantee, w.privilege_type,
             bool_and(w.is_grantable) as is_grantable
      from whole as w
      group by w.grantee, w.privilege_type
      having count(distinct w.place) = cardinality(sources)
      union all
      select p.target_column, p.grantee, p.privilege_type, false
      from part as p
      where p.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
      group by p.target_column, p.grantee, p.privilege_type, p.count
      having count(*) = p.count
    )
    select case g.grantee when 0 then 'public' else quote_ident(r.rolname) end as role,
           g.privilege_type || coalesce(' (' || quote_ident(g.target_column) || ')', '') as rights,
           case when g.is_grantable then ' with grant option' else '' end as option
    from granted as g
    left join pg_roles as r on r.oid = g.grantee
    where (g.grantee = 0 or r.rolname is not null)
      and g.grantee <> (select t.relowner from pg_class as t where t.oid = target)
  loop
    execute format('grant %s on %s to %s%s', item.rights, target, item.role, item.option);
  end loop;
end
$halflap$`);
}

/** Rights on whole tables; for one that comes from no other. */
export function copyRights(places: Places, from: Sql, to: Sql): Statement {
  return statement(
    sql`select ${rightsFunction(places)}($r$${from}$r$::regclass, $r$${to}$r$::regclass)`,
  );
}

export function copyAllRights(
  places: Places,
  { from, to }: { readonly from: Sql; readonly to: Sql },
  sources: ColumnSources,
): Statement[] {
  const pairs = literal(JSON.stringify(sources));
  return [
    copyRights(places, from, to),
    statement(
      sql`select ${columnRightsFunction(places)}(
  $r$${from}$r$::regclass, $r$${to}$r$::regclass, ${pairs}
)`,
    ),
  ];
}

/** The rights on the old tables of a cluster, for a part wherever it is. */
export function copyPartRights(part: SplitPartPlan, to: Sql, places: Places): Statement[] {
  if (part.origin !== null) return copySlicedRights(part.origin, to, places);
  if (part.isJoined) return [copyJoinedRights(part, to, places)];
  const from = floorTable(part.pair.old.name);
  const key = part.key.map((one) => [one.new.name, [one.old]] as const);
  const mapped = part.mapped.map((one) => [one.column.name, columnsOf(one.up as string)] as const);
  return copyAllRights(places, { from, to }, Object.fromEntries([...key, ...mapped]));
}

function copyJoinedRights(part: SplitPartPlan, to: Sql, places: Places): Statement {
  const { sources } = part.side;
  const own = (column: string) =>
    sources.flatMap(({ names }, index) =>
      [...names].flatMap(([one, called]) => (called === column ? [[index + 1, one]] : [])),
    );
  const key = part.key.map((one) => [one.new.name, own(one.old)] as const);
  const mapped = part.mapped.map(
    (one) => [one.column.name, columnsOf(one.up as string).flatMap(own)] as const,
  );
  const tables = sources.map(({ table }) => table.name);
  return rightsOnAll(places, { tables, to }, Object.fromEntries([...key, ...mapped]));
}

function copySlicedRights({ tables, columns }: Origin, to: Sql, places: Places): Statement[] {
  const [only = ''] = tables;
  const sources = Object.fromEntries(
    [...columns].map(([column, from]) => [column, from.map((one) => one.column)]),
  );
  if (tables.length === 1) return copyAllRights(places, { from: floorTable(only), to }, sources);
  const numbered = Object.fromEntries(
    [...columns].map(([column, from]) => [column, from.map((one) => [one.place + 1, one.column])]),
  );
  return [rightsOnAll(places, { tables, to }, numbered)];
}

/** @param columns new column → place among the tables, counted from 1, and column there. */
function rightsOnAll(
  places: Places,
  { tables, to }: { readonly tables: readonly string[]; readonly to: Sql },
  columns: Readonly<Record<string, unknown>>,
): Statement {
  const all = tables.map((table) => sql`$r$${floorTable(table)}$r$::regclass`);
  return statement(sql`select ${joinedRightsFunction(places)}(
  array[${all}], $r$${to}$r$::regclass, ${literal(JSON.stringify(columns))}
)`);
}

export function sharedSources(pair: PairedTable): ColumnSources {
  return Object.fromEntries(
    pair.forward.flatMap(({ column, source }) =>
      source === null ? [] : [[column.name, [source]] as const],
    ),
  );
}

/** Whoever may insert into a new table may draw from its sequence; alone it opens nothing. */
export function usageOfSequence(sequence: Sql): Statement {
  return statement(sql`grant usage, select on sequence ${sequence} to public`);
}

export function usageForAll(schema: Sql, comment: string): Statement[] {
  return [
    statement(sql`comment on schema ${schema} is ${literal(comment)}`),
    statement(sql`grant usage on schema ${schema} to public`),
  ];
}

function rightsFunction(places: Places): Sql {
  return work(places, 'copy_rights');
}

function joinedRightsFunction(places: Places): Sql {
  return work(places, 'copy_joined_rights');
}

function columnRightsFunction(places: Places): Sql {
  return work(places, 'copy_column_rights');
}
