// What would go with tables, sequences, columns and schemas that are dropped, and is neither
// Halflap's nor a release's: PostgreSQL takes along whatever belongs to a table, and with CASCADE
// whatever depends on it, and says so to nobody. pg_depend knows of every kind of object, also of
// those that are not thought of here.
//
// Source: PostgreSQL's manual, 5.15 (dependency tracking) and 52.18 (pg_depend).

import type { Catalog, Table } from './release/catalog.js';
import { literal, type Sql, sql } from './sql.js';

/** What a release has on a table of its own, by name. */
export interface KnownTable {
  /** Its qualified name; nothing may be there. */
  readonly at: Sql;
  readonly names: readonly string[];
}

export interface Going {
  /** Qualified names; nothing may be there. */
  readonly tables: readonly Sql[];
  readonly sequences: readonly Sql[];
  /** Of tables that stay. */
  readonly columns: readonly { readonly at: Sql; readonly column: string }[];
  /** With all that is in them. */
  readonly schemas: readonly string[];
  /** Schemas of which other steps, or others who look, take care. */
  readonly own: readonly string[];
  readonly known: readonly KnownTable[];
  readonly knownSequences: readonly string[];
}

/** What releases have on a table, which has one name in one of them and may have another there. */
export function namesOn(...both: readonly (readonly [table: Table, of: Catalog])[]): string[] {
  const all = both.flatMap(([table, { others }]) => {
    const rules = [...table.uniques, ...table.checks, ...table.exclusions, ...table.foreignKeys];
    const own = `${table.name}.`;
    const beside = others.filter((one) => HANGING.has(one.kind) && one.name.startsWith(own));
    const statistics = table.settings.filter((one) => one.of === 'statistics');
    return [
      ...[...table.columns, ...rules, ...table.indexes, ...statistics].map((one) => one.name),
      ...(table.primaryKey === null ? [] : [table.primaryKey.name]),
      ...beside.map((one) => one.name.slice(own.length)),
    ];
  });
  return [...new Set(all)];
}

/** Kinds that a catalogue lists as `table.name`. */
const HANGING = new Set<string>(['trigger', 'rule', 'policy']);

/**
 * A query for what would be lost, as `what` in the words of PostgreSQL. `is_part`: whether it
 * belongs to a known table itself (a column, an index, a trigger), or depends on what goes from
 * elsewhere; `is_child`: whether it is a table that inherits from one. In no order.
 */
export function strangersWith(going: Going): Sql {
  return sql`with recursive known (relation, names) as (
  ${knownRows(going)}
),
gone (classid, objid, objsubid) as (
  ${roots(going)}
  union
  select d.classid, d.objid, d.objsubid
  from gone as g
  join pg_depend as d on d.refclassid = g.classid and d.refobjid = g.objid
    and (g.objsubid = 0 or d.refobjsubid = g.objsubid)
  where d.deptype in ('a', 'i', 'P', 'S')
),
found (classid, objid, objsubid, is_part) as (
  select d.classid, d.objid, d.objsubid, false
  from gone as g
  join pg_depend as d on d.refclassid = g.classid and d.refobjid = g.objid
    and (g.objsubid = 0 or d.refobjsubid = g.objsubid)
  where d.deptype = 'n'
  union
  select g.classid, g.objid, g.objsubid, true from gone as g
  union
  select 'pg_class'::regclass, a.attrelid, a.attnum, true
  from gone as g
  join pg_attribute as a on a.attrelid = g.objid and a.attnum > 0 and not a.attisdropped
  where g.classid = 'pg_class'::regclass and g.objsubid = 0
    and a.attrelid in (select k.relation from known as k)
),
${HOSTED}
select distinct pg_describe_object(h.classid, h.objid, h.objsubid) as what, h.is_part,
  h.classid = 'pg_class'::regclass and h.objsubid = 0 and h.kind in ('r', 'p', 'f')
    and not h.is_index as is_child
from hosted as h
where (starts_with(h.called, 'halflap_')) is not true
  and case when h.is_part then ${isStrangePart(going)} else ${isStrangeDependent(going)} end`;
}

function knownRows({ known }: Going): Sql {
  if (known.length === 0) return sql`select null::oid, array[]::text[] where false`;
  const rows = known.map(
    ({ at, names }) => sql`(${oidOf(at)}, array[${names.map(literal)}]::text[])`,
  );
  return sql`values ${rows}`;
}

function roots({ tables, sequences, columns, schemas }: Going): Sql {
  const relations = [...tables, ...sequences].map(oidOf);
  const places = columns.map(({ at, column }) => sql`(${oidOf(at)}, ${literal(column)})`);
  return sql`select 'pg_class'::regclass::oid, r.oid, 0
  from unnest(array[${relations}]::oid[]) as r(oid)
  where r.oid is not null
  union all
  select 'pg_class'::regclass, a.attrelid, a.attnum
  from pg_attribute as a
  where (a.attrelid, a.attname) in (${places.length === 0 ? sql`select 0::oid, ''` : places})
    and not a.attisdropped
  union all
  select d.classid, d.objid, d.objsubid
  from pg_namespace as n
  join pg_depend as d on d.refclassid = 'pg_namespace'::regclass and d.refobjid = n.oid
  where n.nspname = any (array[${schemas.map(literal)}]::name[]) and d.deptype = 'n'`;
}

/**
 * With the relation or the schema that each belongs to. A view is told by its own name and not by
 * that of its rule.
 */
const HOSTED = sql`hosted as (
  select
    case when w.rulename = '_RETURN' then 'pg_class'::regclass::oid else f.classid end as classid,
    case when w.rulename = '_RETURN' then w.ev_class else f.objid end as objid,
    f.objsubid,
    f.is_part,
    c.oid as relation,
    c.relkind as kind,
    i.indexrelid is not null as is_index,
    n.nspname as schema,
    obj_description(c.oid, 'pg_class') as remark,
    coalesce(a.attname, k.conname, g.tgname, p.polname, s.stxname, x.relname,
      nullif(w.rulename, '_RETURN'), c.relname, t.typname) as called,
    -- Said by others: the constraint of an index, the column of a default or of NOT NULL.
    f.classid = 'pg_attrdef'::regclass
      or k.contype in ('n', 't')
      or g.tgisinternal
      or w.rulename = '_RETURN'
      or exists (select from pg_constraint as o where o.conindid = i.indexrelid)
      or f.classid = 'pg_class'::regclass and f.objsubid = 0 and i.indexrelid is null
        and c.relkind <> 'S' as is_said
  from found as f
  left join pg_rewrite as w on f.classid = 'pg_rewrite'::regclass and w.oid = f.objid
  left join pg_attrdef as v on f.classid = 'pg_attrdef'::regclass and v.oid = f.objid
  left join pg_constraint as k on f.classid = 'pg_constraint'::regclass and k.oid = f.objid
  left join pg_trigger as g on f.classid = 'pg_trigger'::regclass and g.oid = f.objid
  left join pg_policy as p on f.classid = 'pg_policy'::regclass and p.oid = f.objid
  left join pg_statistic_ext as s on f.classid = 'pg_statistic_ext'::regclass and s.oid = f.objid
  left join pg_index as i on f.classid = 'pg_class'::regclass and i.indexrelid = f.objid
  left join pg_class as x on x.oid = i.indexrelid
  left join pg_class as c on c.oid = coalesce(w.ev_class, v.adrelid, nullif(k.conrelid, 0),
    g.tgrelid, p.polrelid, s.stxrelid, i.indrelid,
    case when f.classid = 'pg_class'::regclass then f.objid end)
  left join pg_attribute as a on a.attrelid = c.oid and a.attnum = coalesce(v.adnum,
    case when f.classid = 'pg_class'::regclass then nullif(f.objsubid, 0) end)
  left join pg_type as t on t.oid = coalesce(nullif(k.contypid, 0),
    case when f.classid = 'pg_type'::regclass then f.objid end)
  left join pg_proc as r on f.classid = 'pg_proc'::regclass and r.oid = f.objid
  left join pg_namespace as n
    on n.oid = coalesce(c.relnamespace, t.typnamespace, r.pronamespace)
)`;

/** What belongs to no relation, as a place in a publication, is others' business. */
function isStrangePart({ own, knownSequences }: Going): Sql {
  const isSequence = sql`h.kind = 'S' and h.objsubid = 0 and h.classid = 'pg_class'::regclass`;
  return sql`h.is_said is not true and (
    h.kind in ('r', 'p') and exists (
      select from known as k
      where k.relation = h.relation and h.called is not null and h.called <> all (k.names)
    )
    or ${isSequence} and h.called <> all (array[${knownSequences.map(literal)}]::text[])
      and h.schema <> all (${list(own)})
      and not exists (
        select from pg_depend as d
        where d.classid = h.classid and d.objid = h.objid and d.deptype = 'i'
      )
  )`;
}

/** Of what depends on something that goes, what goes itself is judged as a part. */
function isStrangeDependent({ own }: Going): Sql {
  return sql`not exists (
      select from gone as g
      where g.classid = h.classid and g.objid = h.objid and g.objsubid in (0, h.objsubid)
    )
    and (h.schema = any (${list(own)})) is not true
    and (h.remark like 'Halflap tombstone%') is not true
    and not exists (
      select from known as k where k.relation = h.relation and h.called = any (k.names)
    )`;
}

function list(schemas: readonly string[]): Sql {
  return sql`array[${schemas.map(literal)}]::name[]`;
}

function oidOf(at: Sql): Sql {
  return sql`to_regclass($r$${at}$r$)::oid`;
}
