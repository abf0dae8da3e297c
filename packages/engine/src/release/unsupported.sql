-- Objects of a release that Halflap could not carry from shard to shard, one line each: whatever is
-- outside of schema $1 and belongs to no extension, and names that Halflap keeps for itself.

-- What is PostgreSQL's own is left out first: it is nearly all that there is to look through.
with space as materialized (
  select n.oid, n.nspname
  from pg_catalog.pg_namespace n
  where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and not starts_with(n.nspname, 'pg_temp_')
    and not starts_with(n.nspname, 'pg_toast_temp_')
),
relation as materialized (
  select
    c.oid,
    c.relname,
    c.relnamespace,
    case c.relkind
      when 'v' then 'view' when 'm' then 'materialized view' when 'S' then 'sequence'
      when 'f' then 'foreign table' when 'i' then 'index' when 'I' then 'index' else 'table'
    end as kind
  from pg_catalog.pg_class c
  where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'i', 'I')
    and c.relnamespace = any (array(select s.oid from space s))
),
-- `own_name` is what the reserved beginning counts for, `name` is what is shown.
named as (
  select
    'pg_catalog.pg_class'::regclass as class,
    r.oid,
    r.relnamespace as namespace,
    r.kind,
    r.relname::text as name,
    r.relname::text as own_name
  from relation r
  union all
  select
    'pg_catalog.pg_class'::regclass, r.oid, r.relnamespace, 'column',
    r.relname || '.' || a.attname, a.attname
  from pg_catalog.pg_attribute a
  join relation r on r.oid = a.attrelid
  where r.kind = 'table'
    and a.attnum > 0
    and not a.attisdropped
  union all
  select
    'pg_catalog.pg_trigger'::regclass, g.oid, r.relnamespace, 'trigger',
    r.relname || '.' || g.tgname, g.tgname
  from pg_catalog.pg_trigger g
  join relation r on r.oid = g.tgrelid
  where not g.tgisinternal
  union all
  select
    'pg_catalog.pg_constraint'::regclass, k.oid, k.connamespace, 'constraint', k.conname, k.conname
  from pg_catalog.pg_constraint k
  where k.connamespace = any (array(select s.oid from space s))
  union all
  select 'pg_catalog.pg_proc'::regclass, p.oid, p.pronamespace, 'function', p.proname, p.proname
  from pg_catalog.pg_proc p
  where p.pronamespace = any (array(select s.oid from space s))
  union all
  select 'pg_catalog.pg_type'::regclass, t.oid, t.typnamespace, 'type', t.typname, t.typname
  from pg_catalog.pg_type t
  left join pg_catalog.pg_class c on c.oid = t.typrelid
  where t.typnamespace = any (array(select s.oid from space s))
    and (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
)
select
  case
    when n.nspname = $1 then
      pg_catalog.format('%s %s (names in halflap_ are reserved)', f.kind, f.name)
    else pg_catalog.format('%s %s.%s', f.kind, n.nspname, f.name)
  end as object
from named f
join space n on n.oid = f.namespace
where case
    when n.nspname = $1 then starts_with(f.own_name, 'halflap_')
    -- What hangs on a table goes without saying.
    else f.kind not in ('index', 'column', 'trigger', 'constraint')
  end
  and not exists (
    select from pg_catalog.pg_depend d
    where d.classid = f.class
      and d.objid = f.oid
      and d.deptype = 'e'
  )
order by f.kind collate "C", n.nspname collate "C", f.name collate "C"
