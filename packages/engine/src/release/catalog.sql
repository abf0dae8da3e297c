-- The tables and sequences of one schema ($1) that applications can see, as one JSON object in the
-- shape of catalog.ts; catalog-objects.sql gives the rest of it.
--
-- The caller sets search_path to the schema, so that names inside it print without it. PostgreSQL
-- 14 to 18; needs no rights beyond pg_catalog. Left out: what extensions own, partitions (their
-- parent stands for them), and what is Halflap's own (names that begin with halflap_).

with home as (
  select n.oid, n.nspname
  from pg_catalog.pg_namespace n
  where n.nspname = $1
),
relation as (
  select c.oid, c.relname, c.relkind, c.reltype, c.relrowsecurity, c.relhastriggers
  from pg_catalog.pg_class c
  join home on home.oid = c.relnamespace
  where not c.relispartition
    and not starts_with(c.relname, 'halflap_')
    and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_class'::regclass
        and d.objid = c.oid
        and d.deptype = 'e'
    )
),
tables as (
  select r.*
  from relation r
  where r.relkind in ('r', 'p')
),
-- Names of columns by their numbers, for the arrays of pg_constraint and pg_index.
columns as (
  select a.*
  from pg_catalog.pg_attribute a
  join relation r on r.oid = a.attrelid
  where a.attnum > 0
    and not a.attisdropped
    and not starts_with(a.attname, 'halflap_')
),
-- What a sequence has besides its start and increment, and whether that is the default.
sequence_options as (
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
columns_json as (
  select
    a.attrelid,
    json_agg(
      json_build_object(
        'name', a.attname,
        'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
        'notNull', a.attnotnull,
        'default', case when a.attgenerated = '' then e.expression end,
        'identity', case a.attidentity when 'a' then 'always' when 'd' then 'by default' end,
        'identityOptions', (
          select
            pg_catalog.format('start %s increment %s ', s.seqstart, s.seqincrement) || s.options
          from sequence_options s
          join pg_catalog.pg_depend o
            on o.classid = 'pg_catalog.pg_class'::regclass
            and o.objid = s.seqrelid
            and o.refclassid = 'pg_catalog.pg_class'::regclass
            and o.refobjid = a.attrelid
            and o.refobjsubid = a.attnum
            and o.deptype = 'i'
          where not s.is_default or s.seqstart <> 1 or s.seqincrement <> 1
        ),
        'generated', case when a.attgenerated <> '' then e.expression end,
        'generatedKind', case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end,
        'collation', (
          select case
              when pg_catalog.pg_collation_is_visible(l.oid) then quote_ident(l.collname)
              else quote_ident(n.nspname) || '.' || quote_ident(l.collname)
            end
          from pg_catalog.pg_collation l
          join pg_catalog.pg_namespace n on n.oid = l.collnamespace
          where l.oid = a.attcollation
            and a.attcollation <> t.typcollation
        ),
        'comment', pg_catalog.col_description(a.attrelid, a.attnum)
      )
      order by a.attnum
    ) as list
  from columns a
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  cross join lateral pg_catalog.pg_get_expr(d.adbin, d.adrelid) as e(expression)
  group by a.attrelid
),
-- NOT NULL became a constraint in PostgreSQL 18 (contype 'n'); the column says it already.
constraints as (
  select
    k.*,
    pg_catalog.pg_get_constraintdef(k.oid) as definition,
    (
      select coalesce(json_agg(a.attname order by u.place), '[]')
      from unnest(k.conkey) with ordinality as u(attnum, place)
      join columns a on a.attrelid = k.conrelid and a.attnum = u.attnum
    ) as column_names,
    case
      when not k.condeferrable then 'no'
      when k.condeferred then 'deferred'
      else 'immediate'
    end as deferrable
  from pg_catalog.pg_constraint k
  join tables t on t.oid = k.conrelid
  where k.contype in ('p', 'u', 'c', 'f', 'x')
    and k.conparentid = 0
    and not starts_with(k.conname, 'halflap_')
),
keys_json as (
  select
    k.conrelid,
    k.contype,
    json_agg(
      json_build_object(
        'name', k.conname,
        'columns', k.column_names,
        'deferrable', k.deferrable,
        'definition', k.definition
      )
      order by k.conname collate "C"
    ) as list
  from constraints k
  where k.contype in ('p', 'u')
  group by k.conrelid, k.contype
),
checks_json as (
  select
    k.conrelid,
    json_agg(
      json_build_object(
        'name', k.conname,
        'expression', pg_catalog.pg_get_expr(k.conbin, k.conrelid),
        'columns', k.column_names
      )
      order by k.conname collate "C"
    ) as list
  from constraints k
  where k.contype = 'c'
  group by k.conrelid
),
-- Of each index, all that it looks at: its key, and what its expressions and its condition mention.
index_columns as (
  select
    i.indexrelid,
    (
      select coalesce(json_agg(a.attname order by a.attnum), '[]')
      from columns a
      where a.attrelid = i.indrelid
        and (
          a.attnum = any (i.indkey::int2[])
          or exists (
            select from pg_catalog.pg_depend d
            where d.classid = 'pg_catalog.pg_class'::regclass
              and d.objid = i.indexrelid
              and d.refclassid = 'pg_catalog.pg_class'::regclass
              and d.refobjid = i.indrelid
              and d.refobjsubid = a.attnum
          )
        )
    ) as list
  from pg_catalog.pg_index i
  join tables t on t.oid = i.indrelid
),
exclusions_json as (
  select
    k.conrelid,
    json_agg(
      json_build_object(
        'name', k.conname,
        'columns', (select list from index_columns m where m.indexrelid = i.indexrelid),
        'elements', (
          select json_agg(
            json_build_object(
              'expression', pg_catalog.pg_get_indexdef(k.conindid, u.place::int, false),
              'operator', case
                when pg_catalog.pg_operator_is_visible(o.oid) then o.oprname::text
                else pg_catalog.format('operator(%I.%s)', n.nspname, o.oprname)
              end
            )
            order by u.place
          )
          from unnest(k.conexclop) with ordinality as u(operator, place)
          join pg_catalog.pg_operator o on o.oid = u.operator
          join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
        ),
        'predicate', pg_catalog.pg_get_expr(i.indpred, i.indrelid),
        'deferrable', k.deferrable,
        'definition', k.definition
      )
      order by k.conname collate "C"
    ) as list
  from constraints k
  join pg_catalog.pg_index i on i.indexrelid = k.conindid
  where k.contype = 'x'
  group by k.conrelid
),
foreign_keys_json as (
  select
    k.conrelid,
    json_agg(
      json_build_object(
        'name', k.conname,
        'columns', k.column_names,
        'referencedTable', case
          when pg_catalog.pg_table_is_visible(f.oid) then f.relname::text
          else pg_catalog.format('%I.%I', n.nspname, f.relname)
        end,
        'referencedColumns', (
          select json_agg(a.attname order by u.place)
          from unnest(k.confkey) with ordinality as u(attnum, place)
          join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.attnum
        ),
        'onDelete', action.names ->> k.confdeltype::text,
        'onUpdate', action.names ->> k.confupdtype::text,
        'match', case k.confmatchtype when 'f' then 'full' else 'simple' end,
        'deferrable', k.deferrable
      )
      order by k.conname collate "C"
    ) as list
  from constraints k
  join pg_catalog.pg_class f on f.oid = k.confrelid
  join pg_catalog.pg_namespace n on n.oid = f.relnamespace
  cross join (
    select json_build_object(
      'a', 'no action', 'r', 'restrict', 'c', 'cascade', 'n', 'set null', 'd', 'set default'
    ) as names
  ) as action
  where k.contype = 'f'
  group by k.conrelid
),
-- An index whose build failed is not valid: no application can rely on it.
indexes_json as (
  select
    i.indrelid,
    json_agg(
      json_build_object(
        'name', c.relname,
        'isUnique', i.indisunique,
        'columns', (
          select json_agg(a.attname order by u.place)
          from unnest(i.indkey::int2[]) with ordinality as u(attnum, place)
          left join columns a on a.attrelid = i.indrelid and a.attnum = u.attnum
          where u.place <= i.indnkeyatts
        ),
        'mentions', (select list from index_columns m where m.indexrelid = i.indexrelid),
        -- Everything behind "CREATE … INDEX name ON [ONLY] schema.table USING ".
        'definition', substr(
          pg_catalog.pg_get_indexdef(i.indexrelid),
          length(
            pg_catalog.format(
              'CREATE %sINDEX %I ON %s%I.%I USING ',
              case when i.indisunique then 'UNIQUE ' end,
              c.relname,
              case when t.relkind = 'p' then 'ONLY ' end,
              home.nspname,
              t.relname
            )
          ) + 1
        )
      )
      order by c.relname collate "C"
    ) as list
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join tables t on t.oid = i.indrelid
  cross join home
  where i.indisvalid
    and not starts_with(c.relname, 'halflap_')
    and not exists (
      select from pg_catalog.pg_constraint k
      where k.conindid = i.indexrelid
        and k.contype in ('p', 'u', 'x')
    )
  group by i.indrelid
),
triggers as (
  select g.oid, g.tgrelid, g.tgname, r.relname
  from pg_catalog.pg_trigger g
  join relation r on r.oid = g.tgrelid
  where not g.tgisinternal
    and not starts_with(g.tgname, 'halflap_')
),
tables_json as (
  select json_agg(
    json_build_object(
      'name', t.relname,
      'columns', coalesce(c.list, '[]'),
      'primaryKey', p.list -> 0,
      'uniques', coalesce(u.list, '[]'),
      'checks', coalesce(k.list, '[]'),
      'exclusions', coalesce(x.list, '[]'),
      'foreignKeys', coalesce(f.list, '[]'),
      'indexes', coalesce(i.list, '[]'),
      'comment', pg_catalog.obj_description(t.oid, 'pg_class'),
      'rowSecurity', t.relrowsecurity,
      'partitionedBy', case when t.relkind = 'p' then pg_catalog.pg_get_partkeydef(t.oid) end,
      'triggers', (
        select coalesce(json_agg(g.tgname order by g.tgname collate "C"), '[]')
        from triggers g
        where g.tgrelid = t.oid
      )
    )
    order by t.relname collate "C"
  ) as list
  from tables t
  left join columns_json c on c.attrelid = t.oid
  left join keys_json p on p.conrelid = t.oid and p.contype = 'p'
  left join keys_json u on u.conrelid = t.oid and u.contype = 'u'
  left join checks_json k on k.conrelid = t.oid
  left join exclusions_json x on x.conrelid = t.oid
  left join foreign_keys_json f on f.conrelid = t.oid
  left join indexes_json i on i.indrelid = t.oid
),
-- Each after the one that it is a part of.
partitions_json as (
  select json_agg(
    json_build_object(
      'table', t.relname,
      'of', o.relname,
      'name', c.relname,
      'bound', pg_catalog.pg_get_expr(c.relpartbound, c.oid),
      'partitionedBy', case when c.relkind = 'p' then pg_catalog.pg_get_partkeydef(c.oid) end
    )
    order by t.relname collate "C", p.level, c.relname collate "C"
  ) as list
  from tables t
  cross join lateral pg_catalog.pg_partition_tree(t.oid) p
  join pg_catalog.pg_class c on c.oid = p.relid
  join pg_catalog.pg_class o on o.oid = p.parentrelid
  where t.relkind = 'p'
),
-- A serial column's sequence hangs on its column (deptype 'a'), an identity's is part of it ('i').
sequences_json as (
  select json_agg(
    json_build_object(
      'name', r.relname,
      'type', pg_catalog.format_type(s.seqtypid, null),
      'start', s.seqstart::text,
      'increment', s.seqincrement::text,
      'options', case when not s.is_default then s.options end,
      'ownedBy', case
        when d.objid is not null then o.relname || '.' || a.attname
      end
    )
    order by r.relname collate "C"
  ) as list
  from relation r
  join sequence_options s on s.seqrelid = r.oid
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
  'tables', coalesce((select list from tables_json), '[]'),
  'partitions', coalesce((select list from partitions_json), '[]'),
  'sequences', coalesce((select list from sequences_json), '[]')
) as part
