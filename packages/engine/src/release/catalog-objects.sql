-- Whatever is in one schema ($1) besides tables and sequences: types, and as PostgreSQL prints them
-- views, functions, triggers and the like. The other half of catalog.sql, under the same
-- conditions.

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
triggers as (
  select g.oid, g.tgrelid, g.tgname, r.relname
  from pg_catalog.pg_trigger g
  join relation r on r.oid = g.tgrelid
  where not g.tgisinternal
    and not starts_with(g.tgname, 'halflap_')
),
types as (
  select t.*
  from pg_catalog.pg_type t
  join home on home.oid = t.typnamespace
  where not starts_with(t.typname, 'halflap_')
    and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_type'::regclass
        and d.objid = t.oid
        and d.deptype = 'e'
    )
),
enums_json as (
  select json_agg(
    json_build_object(
      'name', t.typname,
      'labels', (
        select json_agg(e.enumlabel order by e.enumsortorder)
        from pg_catalog.pg_enum e
        where e.enumtypid = t.oid
      )
    )
    order by t.typname collate "C"
  ) as list
  from types t
  where t.typtype = 'e'
),
domains_json as (
  select json_agg(
    json_build_object(
      'name', t.typname,
      'definition', concat_ws(
        ' ',
        pg_catalog.format_type(t.typbasetype, t.typtypmod),
        (
          select 'collate ' || case
              when pg_catalog.pg_collation_is_visible(l.oid) then quote_ident(l.collname)
              else quote_ident(n.nspname) || '.' || quote_ident(l.collname)
            end
          from pg_catalog.pg_collation l
          join pg_catalog.pg_namespace n on n.oid = l.collnamespace
          join pg_catalog.pg_type b on b.oid = t.typbasetype
          where l.oid = t.typcollation
            and t.typcollation <> b.typcollation
        ),
        'default ' || pg_catalog.pg_get_expr(t.typdefaultbin, 0),
        case when t.typnotnull then 'not null' end,
        (
          select string_agg(
            concat_ws(
              ' ', 'constraint', quote_ident(k.conname), pg_catalog.pg_get_constraintdef(k.oid)
            ),
            ' ' order by k.conname collate "C"
          )
          from pg_catalog.pg_constraint k
          where k.contypid = t.oid
            and k.contype = 'c'
        )
      )
    )
    order by t.typname collate "C"
  ) as list
  from types t
  where t.typtype = 'd'
),
functions as (
  select p.oid, p.proname, p.prokind, p.prosrc, home.nspname
  from pg_catalog.pg_proc p
  join home on home.oid = p.pronamespace
  where not starts_with(p.proname, 'halflap_')
    and not exists (
      select from pg_catalog.pg_depend d
      where d.classid = 'pg_catalog.pg_proc'::regclass
        and d.objid = p.oid
        and (
          d.deptype = 'e'
          -- Constructors of range types.
          or d.deptype = 'i'
        )
    )
),
others as (
  select
    case r.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'foreign table' end
      as kind,
    r.relname::text as name,
    case
      when r.relkind = 'f' then (
        select string_agg(
          quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod),
          ', ' order by a.attnum
        )
        from pg_catalog.pg_attribute a
        where a.attrelid = r.oid
          and a.attnum > 0
          and not a.attisdropped
      )
      else pg_catalog.pg_get_viewdef(r.oid)
    end as definition
  from relation r
  where r.relkind in ('v', 'm', 'f')
  union all
  select
    'function',
    pg_catalog.format(
      '%s(%s)', quote_ident(f.proname), pg_catalog.pg_get_function_identity_arguments(f.oid)
    ),
    -- The name in it is always qualified; what follows the name is not.
    case
      when f.prokind = 'a' then 'aggregate'
      else substr(
        pg_catalog.pg_get_functiondef(f.oid),
        length(
          pg_catalog.format(
            'CREATE OR REPLACE %s %I.%I',
            case f.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end,
            f.nspname,
            f.proname
          )
        ) + 1
      )
    end
  from functions f
  union all
  select 'trigger', g.relname || '.' || g.tgname, pg_catalog.pg_get_triggerdef(g.oid, true)
  from triggers g
  union all
  select 'rule', r.relname || '.' || w.rulename, pg_catalog.pg_get_ruledef(w.oid, true)
  from pg_catalog.pg_rewrite w
  join relation r on r.oid = w.ev_class
  where w.rulename <> '_RETURN'
  union all
  select
    'policy',
    t.relname || '.' || p.polname,
    concat_ws(
      ' ',
      case when p.polpermissive then 'permissive' else 'restrictive' end,
      'for ' || p.polcmd::text,
      'to ' || (
        select string_agg(
          case u.role when 0 then 'public' else pg_catalog.pg_get_userbyid(u.role)::text end,
          ', ' order by u.place
        )
        from unnest(p.polroles) with ordinality as u(role, place)
      ),
      'using (' || pg_catalog.pg_get_expr(p.polqual, p.polrelid) || ')',
      'with check (' || pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) || ')'
    )
  from pg_catalog.pg_policy p
  join tables t on t.oid = p.polrelid
  union all
  select
    'type',
    t.typname::text,
    case t.typtype
      when 'r' then (
        select 'range of ' || pg_catalog.format_type(g.rngsubtype, null)
        from pg_catalog.pg_range g
        where g.rngtypid = t.oid
      )
      else (
        select string_agg(
          quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod),
          ', ' order by a.attnum
        )
        from pg_catalog.pg_attribute a
        where a.attrelid = t.typrelid
          and a.attnum > 0
          and not a.attisdropped
      )
    end
  from types t
  left join pg_catalog.pg_class c on c.oid = t.typrelid
  where t.typtype = 'r'
    or (t.typtype = 'c' and c.relkind = 'c')
    -- A base type of the schema's own; arrays come with their elements.
    or (t.typtype = 'b' and t.typelem = 0)
)
select json_build_object(
  'enums', coalesce((select list from enums_json), '[]'),
  'domains', coalesce((select list from domains_json), '[]'),
  'others', coalesce(
    (
      select json_agg(
        json_build_object('kind', kind, 'name', name, 'definition', coalesce(definition, ''))
        order by kind collate "C", name collate "C"
      )
      from others
    ),
    '[]'
  )
) as part
