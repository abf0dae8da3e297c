// The function of the work schema by which a table gets what is set on another: see
// copy-settings.ts, which says what goes where.

import { type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { type Places, work } from './places.js';
import { HASH_HOLE } from './routine.js';
import { statement } from './statement.js';

export function settingsFunction(places: Places): Sql {
  return work(places, 'copy_settings');
}

function storageName(letter: string): string {
  return (
    `case ${letter} when 'p' then 'plain' when 'e' then 'external' ` +
    "when 'm' then 'main' else 'extended' end"
  );
}

/** By the names of catalog-settings.sql; the column is empty for what is set on the table. */
const SETTINGS =
  trusted(`select c.oid as relation, '' as "column", 'option ' || o.option_name as key,
             o.option_value as value
      from pg_class as c
      cross join lateral pg_options_to_table(c.reloptions) as o
      union all
      select c.oid, '', 'option toast.' || o.option_name, o.option_value
      from pg_class as c
      join pg_class as t on t.oid = c.reltoastrelid
      cross join lateral pg_options_to_table(t.reloptions) as o
      union all
      select c.oid, '', 'replica identity',
             case c.relreplident when 'f' then 'full' else 'nothing' end
      from pg_class as c
      where c.relreplident in ('f', 'n')
      union all
      select i.indrelid, '', v.key, x.relname
      from pg_index as i
      join pg_class as x on x.oid = i.indexrelid
      cross join lateral (
        select 'replica identity index' where i.indisreplident
        union all
        select 'clustered by' where i.indisclustered
      ) as v(key)
      union all
      select a.attrelid, a.attname, v.key, v.value
      from pg_attribute as a
      join pg_type as t on t.oid = a.atttypid
      cross join lateral (
        select 'statistics target', a.attstattarget::text where a.attstattarget >= 0
        union all
        select 'storage', ${storageName('a.attstorage')} where a.attstorage <> t.typstorage
        union all
        select 'compression', case a.attcompression when 'l' then 'lz4' else 'pglz' end
        where a.attcompression <> ''
        union all
        select 'option ' || o.option_name, o.option_value
        from pg_options_to_table(a.attoptions) as o
      ) as v(key, value)
      where a.attnum > 0 and not a.attisdropped`);

/** `about` is what aboutOf (copy-settings.ts) gives. Does only what is still to do. */
export function copySettingsFunction(places: Places): Statement {
  const origin = trusted(`${places.evolution} ${HASH_HOLE}`);
  return statement(sql`create function ${settingsFunction(places)}(
  source regclass, target regclass, about jsonb
)
returns void language plpgsql
set search_path = pg_catalog, pg_temp
as $halflap$
-- Halflap ${origin}: sets on one table what somebody has set on the one whose place it takes
declare
  item record;
begin
  for item in
    with setting as (
      ${SETTINGS}
    ),
    wanted as (
      select coalesce(m.key, '') as "column", s.key,
             case
               when s.key not in ('replica identity index', 'clustered by') then s.value
               else about -> 'indexes' ->> s.value
             end as value
      from setting as s
      left join jsonb_each_text(about -> 'columns') as m on m.value = s."column"
      where s.relation = source
        and case s."column" when '' then (about ->> 'whole')::boolean else m.key is not null end
    ),
    present as (
      select s."column", s.key, s.value
      from setting as s
      where s.relation = target
        and case s."column"
              when '' then (about ->> 'whole')::boolean
              else about -> 'columns' ? s."column"
            end
    ),
    said as (
      select e.value ->> 0 as "column", e.value ->> 1 as key, e.value ->> 2 as value
      from jsonb_array_elements(about -> 'says') as e
    )
    select "column", key, w.value, p.value as before
    from wanted as w
    full join present as p using ("column", key)
    left join said as s using ("column", key)
    where w.value is distinct from p.value
      and p.value is not distinct from s.value
      and not exists (
        select from jsonb_array_elements(about -> 'changed') as c
        where c.value ->> 0 = "column" and c.value ->> 1 = key
      )
      and (
        key not in ('replica identity index', 'clustered by') or w.value is null
        or exists (
          select from pg_index as i join pg_class as x on x.oid = i.indexrelid
          where i.indrelid = target and x.relname = w.value
        )
      )
    order by w.value is not null, "column", key
  loop
    execute format('alter table %s %s', target, case
      when item."column" <> '' then format('alter column %I %s', item."column", case item.key
        when 'statistics target' then format('set statistics %s', coalesce(item.value, '-1'))
        when 'compression' then format('set compression %s', coalesce(item.value, 'default'))
        when 'storage' then format('set storage %s', coalesce(item.value, (
          select ${trusted(storageName('t.typstorage'))}
          from pg_attribute as a join pg_type as t on t.oid = a.atttypid
          where a.attrelid = target and a.attname = item."column"
        )))
        else case when item.value is null then format('reset (%s)', substr(item.key, 8))
          else format('set (%s = %L)', substr(item.key, 8), item.value) end
      end)
      when item.key = 'replica identity'
        then format('replica identity %s', coalesce(item.value, 'default'))
      when item.key = 'replica identity index' and item.value is null
        then 'replica identity default'
      when item.key = 'replica identity index'
        then format('replica identity using index %I', item.value)
      when item.key = 'clustered by' and item.value is null then 'set without cluster'
      when item.key = 'clustered by' then format('cluster on %I', item.value)
      when item.value is null then format('reset (%s)', substr(item.key, 8))
      else format('set (%s = %L)', substr(item.key, 8), item.value)
    end);
  end loop;
end
$halflap$`);
}
