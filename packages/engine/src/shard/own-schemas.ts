// The schema of a release is Halflap's own: expand replaces it, abort and the next contract drop
// it. What somebody else has put there, or hung on what is in it, would stop a step half-way or go
// with it; so it is looked for before a verb does anything.

import { HalflapError, releaseSchema } from '@halflap/protocol';
import type { Catalog } from '../release/catalog.js';
import type { Run } from './run.js';

/** Objects of a schema, by their names in $2, but those of Halflap and of what belongs to them. */
const STRANGERS = `
select pg_describe_object(d.classid, d.objid, 0) as what
from pg_catalog.pg_depend as d
join pg_catalog.pg_namespace as n on n.oid = d.refobjid
left join pg_catalog.pg_class as c on d.classid = 'pg_class'::regclass and c.oid = d.objid
left join pg_catalog.pg_type as t on d.classid = 'pg_type'::regclass and t.oid = d.objid
where d.refclassid = 'pg_namespace'::regclass and n.nspname = $1 and d.deptype = 'n'
  and (coalesce(c.relname, t.typname) = any ($2::name[])) is not true
  and not starts_with(coalesce(c.relname, t.typname, ''), 'halflap_')
  and coalesce(obj_description(c.oid, 'pg_class'), '') not like 'Halflap tombstone%'
  and not exists (
    select from pg_catalog.pg_class as p
    where c.relispartition and p.oid = pg_partition_root(c.oid) and p.relname = any ($2::name[])
  )
  and not exists (
    select from pg_catalog.pg_depend as o
    where o.classid = d.classid and o.objid = d.objid and o.refclassid = 'pg_class'::regclass
      and c.relkind = 'S' and o.deptype in ('a', 'i')
  )
  and not exists (
    select from pg_catalog.pg_statistic_ext as s join pg_catalog.pg_class as o on o.oid = s.stxrelid
    where d.classid = 'pg_statistic_ext'::regclass and s.oid = d.objid
      and o.relname = any ($2::name[])
  )
order by 1`;

/**
 * Views, functions, defaults and foreign keys elsewhere that depend on relations of a schema, and
 * tables with columns of its types; those of the old release, in $3, come and go with steps of
 * their own, and what is temporary with its session.
 */
const DEPENDENTS = `
with own as (
  select c.oid from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = $1
),
found as (
  select 'pg_class'::regclass as classid, w.ev_class as objid, v.relnamespace as namespace
  from pg_catalog.pg_depend as d
  join pg_catalog.pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
  join pg_catalog.pg_class as v on v.oid = w.ev_class
  where d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from own)
  union
  select 'pg_proc'::regclass, p.oid, p.pronamespace
  from pg_catalog.pg_depend as d
  join pg_catalog.pg_proc as p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
  where d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from own)
  union
  select 'pg_attrdef'::regclass, f.oid, c.relnamespace
  from pg_catalog.pg_depend as d
  join pg_catalog.pg_attrdef as f on d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
  join pg_catalog.pg_class as c on c.oid = f.adrelid
  where d.refclassid = 'pg_class'::regclass and d.refobjid in (select oid from own)
    and c.relname <> all ($3::name[])
  union
  select 'pg_class'::regclass, c.oid, c.relnamespace
  from pg_catalog.pg_depend as d
  join pg_catalog.pg_type as t on t.oid = d.refobjid
  join pg_catalog.pg_namespace as n on n.oid = t.typnamespace and n.nspname = $1
  join pg_catalog.pg_class as c on d.classid = 'pg_class'::regclass and c.oid = d.objid
  where d.refclassid = 'pg_type'::regclass and d.deptype = 'n' and c.relpersistence <> 't'
    and c.relname <> all ($3::name[])
  union
  select 'pg_constraint'::regclass, k.oid, c.relnamespace
  from pg_catalog.pg_constraint as k join pg_catalog.pg_class as c on c.oid = k.conrelid
  where k.contype = 'f' and k.confrelid in (select oid from own)
    and c.relname <> all ($3::name[])
)
select pg_describe_object(f.classid, f.objid, 0) as what
from found as f join pg_catalog.pg_namespace as n on n.oid = f.namespace
where n.nspname <> $1 and not starts_with(n.nspname, left($2, 40))
order by 1`;

/** @throws SHARD_DRIFTED, naming what is in the way, before anything is done. */
export async function assertOwnSchemas(run: Run): Promise<void> {
  const { bundle, shard, verb } = run;
  const floor = releaseSchema(bundle.app, bundle.from.version);
  const own = bundle.releaseSchema;
  const present = await presentOf(run, [own, floor]);
  const found: string[] = [];
  if (present.has(own)) found.push(...(await strangers(run, own, bundle.to.catalog)));
  if (present.has(floor)) found.push(...(await strangers(run, floor, bundle.from.catalog)));
  // Contract leaves what is there, or says itself what depends on it.
  if (present.has(own) && verb !== 'contract') found.push(...(await dependents(run)));
  if (found.length === 0) return;
  throw new HalflapError(
    'SHARD_DRIFTED',
    `${verb} is refused on shard ${shard}: the schema of a release is Halflap's own, ` +
      `and these are in it or depend on it: ${found.join(', ')}`,
    {
      detail: { shard, evidence: found },
      hint: `move them to another schema, or drop them; then halflap ${verb} --shard ${shard}`,
    },
  );
}

/** Those that the shard has: most of the time one, and before the first prepare none. */
async function presentOf({ session }: Run, schemas: readonly string[]): Promise<Set<string>> {
  const rows = await session.query<{ schema: string }>(
    'select nspname as schema from pg_catalog.pg_namespace where nspname = any ($1::name[])',
    [schemas],
  );
  return new Set(rows.map(({ schema }) => schema));
}

async function strangers({ session }: Run, schema: string, catalog: Catalog): Promise<string[]> {
  const { tables, sequences, enums, domains } = catalog;
  const known = [...tables, ...sequences, ...enums, ...domains];
  const names = known.map((one) => one.name);
  const rows = await session.query<{ what: string }>(STRANGERS, [schema, names]);
  return rows.map(({ what }) => what);
}

/** Names of the machinery's schemas begin alike; long ones end in a hash. */
async function dependents({ session, bundle }: Run): Promise<string[]> {
  const rows = await session.query<{ what: string }>(DEPENDENTS, [
    bundle.releaseSchema,
    bundle.workSchema,
    bundle.from.catalog.tables.map((table) => table.name),
  ]);
  return rows.map(({ what }) => what);
}
