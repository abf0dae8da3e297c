-- How the tables of one schema ($1) are kept, and what is said of what hangs on them: whatever is
-- not as PostgreSQL has it by itself, as one JSON list. The same tables as in catalog.sql, under
-- the same conditions.
--
-- Comments on tables and columns are in catalog.sql. What indexes are made with is part of their
-- definition there, but for those of a constraint.

with relation as materialized (
  select c.*
  from pg_catalog.pg_class c
  where c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)
    and c.relkind in ('r', 'p')
    and not c.relispartition
    and not starts_with(c.relname, 'halflap_')
),
table_setting as (
  select r.oid as "table", v.key, v.value
  from relation r
  cross join lateral (
    select 'option ' || o.option_name, o.option_value
    from pg_catalog.pg_options_to_table(r.reloptions) o
    union all
    select 'option toast.' || o.option_name, o.option_value
    from pg_catalog.pg_class t
    cross join lateral pg_catalog.pg_options_to_table(t.reloptions) o
    where t.oid = r.reltoastrelid
    union all
    select 'unlogged', 'yes'
    where r.relpersistence = 'u'
    union all
    select 'row security forced', 'yes'
    where r.relforcerowsecurity
    union all
    select 'access method', m.amname
    from pg_catalog.pg_am m
    where m.oid = r.relam
      and m.amname <> 'heap'
    union all
    select 'replica identity', case r.relreplident when 'f' then 'full' else 'nothing' end
    where r.relreplident in ('f', 'n')
  ) as v(key, value)
),
index_setting as (
  select i.indrelid as "table", v.of, v.name, v.key, v.value
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  cross join lateral (
    select 'table', '', 'replica identity index', c.relname::text
    where i.indisreplident
    union all
    select 'table', '', 'clustered by', c.relname::text
    where i.indisclustered
    union all
    select 'index', c.relname::text, 'option ' || o.option_name, o.option_value
    from pg_catalog.pg_options_to_table(c.reloptions) o
    where exists (
      select from pg_catalog.pg_constraint k
      where k.conindid = i.indexrelid
        and k.contype in ('p', 'u', 'x')
    )
    union all
    select 'index', c.relname::text, 'comment', d.description
    from pg_catalog.pg_description d
    where d.classoid = 'pg_catalog.pg_class'::regclass
      and d.objoid = c.oid
      and d.objsubid = 0
  ) as v(of, name, key, value)
  where i.indrelid = any (array(select r.oid from relation r))
    and not starts_with(c.relname, 'halflap_')
),
column_setting as (
  select a.attrelid as "table", a.attname as name, v.key, v.value
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  cross join lateral (
    -- No target is null from PostgreSQL 17 on, and -1 before.
    select 'statistics target', a.attstattarget::text
    where a.attstattarget >= 0
    union all
    select
      'storage',
      case a.attstorage
        when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended'
      end
    where a.attstorage <> t.typstorage
    union all
    select 'compression', case a.attcompression when 'l' then 'lz4' else 'pglz' end
    where a.attcompression <> ''
    union all
    select 'option ' || o.option_name, o.option_value
    from pg_catalog.pg_options_to_table(a.attoptions) o
  ) as v(key, value)
  where a.attrelid = any (array(select r.oid from relation r))
    and a.attnum > 0
    and not a.attisdropped
    and not starts_with(a.attname, 'halflap_')
),
-- The definition without names: `(ndistinct, mcv) on a, b`.
statistics_setting as (
  select s.stxrelid as "table", s.stxname as name, v.key, v.value
  from pg_catalog.pg_statistic_ext s
  cross join lateral (
    select
      'definition',
      coalesce(
        (
          select '(' || string_agg(k.name, ', ' order by k.name) || ') '
          from (values ('d', 'ndistinct'), ('f', 'dependencies'), ('m', 'mcv')) as k(kind, name)
          where k.kind::"char" = any (s.stxkind)
        ),
        ''
      ) || 'on ' || pg_catalog.pg_get_statisticsobjdef_columns(s.oid)
    union all
    select 'statistics target', s.stxstattarget::text
    where s.stxstattarget >= 0
    union all
    select 'comment', d.description
    from pg_catalog.pg_description d
    where d.classoid = 'pg_catalog.pg_statistic_ext'::regclass
      and d.objoid = s.oid
  ) as v(key, value)
  where s.stxrelid = any (array(select r.oid from relation r))
),
constraint_comment as (
  select k.conrelid as "table", k.conname as name, d.description as value
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_constraint'::regclass
    and d.objoid = k.oid
  where k.conrelid = any (array(select r.oid from relation r))
    and k.contype in ('p', 'u', 'c', 'f', 'x')
    and not starts_with(k.conname, 'halflap_')
),
setting as (
  select t."table", 'table' as of, '' as name, t.key, t.value from table_setting t
  union all
  select i."table", i.of, i.name, i.key, i.value from index_setting i
  union all
  select c."table", 'column', c.name, c.key, c.value from column_setting c
  union all
  select s."table", 'statistics', s.name, s.key, s.value from statistics_setting s
  union all
  select k."table", 'constraint', k.name, 'comment', k.value from constraint_comment k
)
select coalesce(
  json_agg(s order by s.of collate "C", s.name collate "C", s.key collate "C"),
  '[]'
) as part
from setting s
