-- The tables and sequences of one schema ($1) that applications can see, as one JSON object: flat
-- lists, of which catalog-rows.ts makes what catalog.ts describes; catalog-objects.sql gives the
-- rest of it.
--
-- The caller sets search_path to the schema, so that names inside it print without it. PostgreSQL
-- 14 to 18; needs no rights beyond pg_catalog. Left out: what extensions own, partitions (their
-- parent stands for them), and what is Halflap's own (names that begin with halflap_).
--
-- One statement, so that all lists are of one moment. Few joins, and none between the lists:
-- PostgreSQL plans it anew on each connection, and that takes longer than what it does.

with relation as materialized (
  select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity
  from pg_catalog.pg_class c
  where c.relnamespace = (select n.oid from pg_catalog.pg_namespace n where n.nspname = $1)
    and c.relkind in ('r', 'p', 'S')
    and not c.relispartition
    and not starts_with(c.relname, 'halflap_')
    and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass
        and d.objid = c.oid
        and d.deptype = 'e'
    )
),
-- What a sequence has besides its start and increment, and whether that is the default.
sequence_option as materialized (
  select
    s.*,
    pg_catalog.format('minvalue %s maxvalue %s cache %s', s.seqmin, s.seqmax, s.seqcache)
      || case when s.seqcycle then ' cycle' else '' end as options,
    s.seqincrement > 0
      and s.seqmin = 1
      and s.seqcache = 1
      and not s.seqcycle
      and s.seqmax = case s.seqtypid
        when 'pg_catalog.int2'::regtype then 32767
        when 'pg_catalog.int4'::regtype then 2147483647
        else 9223372036854775807
      end as is_default
  from pg_catalog.pg_sequence s
),
table_row as (
  select
    r.oid,
    r.relname as "name",
    d.description as "comment",
    r.relrowsecurity as "rowSecurity",
    r.relrowsecurity and r.relforcerowsecurity as "rowSecurityForced",
    case when r.relkind = 'p' then pg_catalog.pg_get_partkeydef(r.oid) end as "partitionedBy"
  from relation r
  left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::regclass
    and d.objoid = r.oid
    and d.objsubid = 0
  where r.relkind <> 'S'
),
column_row as (
  select
    a.attrelid as "table",
    a.attnum as "number",
    a.attname as "name",
    pg_catalog.format_type(a.atttypid, a.atttypmod) as "type",
    a.attnotnull as "notNull",
    pg_catalog.pg_get_expr(v.adbin, v.adrelid) as "expression",
    a.attidentity as "identity",
    a.attgenerated as "generated",
    case
      when a.attcollation <> t.typcollation then (
        select case
            when pg_catalog.pg_collation_is_visible(l.oid) then quote_ident(l.collname)
            else quote_ident(n.nspname) || '.' || quote_ident(l.collname)
          end
        from pg_catalog.pg_collation l
        join pg_catalog.pg_namespace n on n.oid = l.collnamespace
        where l.oid = a.attcollation
      )
    end as "collation",
    d.description as "comment"
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_attrdef v on v.adrelid = a.attrelid and v.adnum = a.attnum
  left join pg_catalog.pg_description d
    on d.classoid = 'pg_catalog.pg_class'::regclass
    and d.objoid = a.attrelid
    and d.objsubid = a.attnum
  where a.attrelid = any (array(select r.oid from relation r where r.relkind <> 'S'))
    and a.attnum > 0
    and not a.attisdropped
    and not starts_with(a.attname, 'halflap_')
),
identity_row as (
  select
    o.refobjid as "table",
    o.refobjsubid as "number",
    pg_catalog.format('start %s increment %s ', s.seqstart, s.seqincrement) || s.options
      as "options"
  from sequence_option s
  join pg_catalog.pg_depend o
    on o.classid = 'pg_catalog.pg_class'::regclass
    and o.objid = s.seqrelid
    and o.refclassid = 'pg_catalog.pg_class'::regclass
    and o.deptype = 'i'
  where not s.is_default or s.seqstart <> 1 or s.seqincrement <> 1
),
-- NOT NULL became a constraint in PostgreSQL 18 (contype 'n'); the column says it already.
constraint_row as (
  select
    k.conrelid as "table",
    k.conname as "name",
    k.contype as "kind",
    k.conkey as "numbers",
    k.conindid as "index",
    case
      when not k.condeferrable then 'no'
      when k.condeferred then 'deferred'
      else 'immediate'
    end as "deferrable",
    case when k.contype in ('p', 'u', 'x') then pg_catalog.pg_get_constraintdef(k.oid) end
      as "definition",
    case when k.contype = 'c' then pg_catalog.pg_get_expr(k.conbin, k.conrelid) end
      as "expression"
  from pg_catalog.pg_constraint k
  where k.conrelid = any (array(select r.oid from relation r))
    and k.contype in ('p', 'u', 'c', 'f', 'x')
    and k.conparentid = 0
    and not starts_with(k.conname, 'halflap_')
),
-- What constraints of that kind have besides.
reference_row as (
  select
    k.conrelid as "table",
    k.conname as "name",
    case
      when pg_catalog.pg_table_is_visible(f.oid) then f.relname::text
      else pg_catalog.format('%s.%I', f.relnamespace::regnamespace, f.relname)
    end as "referencedTable",
    (
      select json_agg(a.attname order by u.place)
      from unnest(k.confkey) with ordinality as u(attnum, place)
      join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.attnum
    ) as "referencedColumns",
    k.confdeltype as "onDelete",
    k.confupdtype as "onUpdate",
    k.confmatchtype as "match"
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_class f on f.oid = k.confrelid
  where k.conrelid = any (array(select r.oid from relation r))
    and k.contype = 'f'
),
exclusion_row as (
  select
    k.conrelid as "table",
    k.conname as "name",
    (
      select json_agg(
        json_build_object(
          'expression', pg_catalog.pg_get_indexdef(k.conindid, u.place::int, false),
          'operator', case
            when pg_catalog.pg_operator_is_visible(o.oid) then o.oprname::text
            else pg_catalog.format('operator(%s.%s)', o.oprnamespace::regnamespace, o.oprname)
          end
        )
        order by u.place
      )
      from unnest(k.conexclop) with ordinality as u(operator, place)
      join pg_catalog.pg_operator o on o.oid = u.operator
    ) as "elements"
  from pg_catalog.pg_constraint k
  where k.conrelid = any (array(select r.oid from relation r))
    and k.contype = 'x'
),
-- Of each index, all that it looks at: its key, and what its expressions and its condition mention.
-- One whose build failed is not valid: no application can rely on it.
index_row as (
  select
    i.indrelid as "table",
    i.indexrelid as "oid",
    c.relname as "name",
    i.indisunique as "isUnique",
    i.indisvalid
      and not starts_with(c.relname, 'halflap_')
      and not exists (
        select from pg_catalog.pg_constraint k
        where k.conindid = i.indexrelid
          and k.contype in ('p', 'u', 'x')
      ) as "isAlone",
    i.indkey::int2[] as "numbers",
    i.indnkeyatts as "keys",
    (
      select json_agg(d.refobjsubid)
      from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass
        and d.objid = i.indexrelid
        and d.refclassid = 'pg_catalog.pg_class'::regclass
        and d.refobjid = i.indrelid
    ) as "mentioned",
    pg_catalog.pg_get_expr(i.indpred, i.indrelid) as "predicate",
    -- Everything behind "CREATE … INDEX name ON [ONLY] schema.table USING ".
    substr(
      pg_catalog.pg_get_indexdef(i.indexrelid),
      length(
        pg_catalog.format(
          'CREATE %sINDEX %I ON %s%I.%I USING ',
          case when i.indisunique then 'UNIQUE ' end,
          c.relname,
          case when r.relkind = 'p' then 'ONLY ' end,
          $1,
          r.relname
        )
      ) + 1
    ) as "definition"
  from relation r
  join pg_catalog.pg_index i on i.indrelid = r.oid
  join pg_catalog.pg_class c on c.oid = i.indexrelid
),
trigger_row as (
  select g.tgrelid as "table", g.tgname as "name"
  from pg_catalog.pg_trigger g
  where g.tgrelid = any (array(select r.oid from relation r))
    and not g.tgisinternal
    and not starts_with(g.tgname, 'halflap_')
),
partition_row as (
  select
    r.relname as "table",
    o.relname as "of",
    c.relname as "name",
    pg_catalog.pg_get_expr(c.relpartbound, c.oid) as "bound",
    case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end as "partitionedBy",
    p.level
  from relation r
  cross join lateral pg_catalog.pg_partition_tree(r.oid) p
  join pg_catalog.pg_class c on c.oid = p.relid
  join pg_catalog.pg_class o on o.oid = p.parentrelid
  where r.relkind = 'p'
),
-- A serial column's sequence hangs on its column (deptype 'a'), an identity's is part of it ('i').
sequence_row as (
  select
    r.relname as "name",
    pg_catalog.format_type(s.seqtypid, null) as "type",
    s.seqstart::text as "start",
    s.seqincrement::text as "increment",
    case when not s.is_default then s.options end as "options",
    case when d.objid is not null then o.relname || '.' || a.attname end as "ownedBy"
  from relation r
  join sequence_option s on s.seqrelid = r.oid
  left join pg_catalog.pg_depend d
    on d.classid = 'pg_catalog.pg_class'::regclass
    and d.objid = r.oid
    and d.refclassid = 'pg_catalog.pg_class'::regclass
    and d.refobjsubid > 0
    and d.deptype in ('a', 'i')
  left join pg_catalog.pg_class o on o.oid = d.refobjid
  left join pg_catalog.pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
  where d.deptype is distinct from 'i'
    and (a.attname is null or not starts_with(a.attname, 'halflap_'))
)
select json_build_object(
  'tables', (select json_agg(t order by t."name" collate "C") from table_row t),
  'columns', (select json_agg(t order by t."number") from column_row t),
  'identities', (select json_agg(t) from identity_row t),
  'constraints', (select json_agg(t order by t."name" collate "C") from constraint_row t),
  'references', (select json_agg(t) from reference_row t),
  'exclusions', (select json_agg(t) from exclusion_row t),
  'indexes', (select json_agg(t order by t."name" collate "C") from index_row t),
  'triggers', (select json_agg(t order by t."name" collate "C") from trigger_row t),
  'partitions', (
    select json_agg(t order by t."table" collate "C", t.level, t."name" collate "C")
    from partition_row t
  ),
  'sequences', (select json_agg(t order by t."name" collate "C") from sequence_row t)
) as part
