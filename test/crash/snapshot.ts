// A whole database as text, for comparison with another that should be the same: every object that
// is not PostgreSQL's own, what Halflap keeps about the shard, and what each release sees.
// No object id, time or position of a sequence is in it: these differ between equal databases.

import type { Client } from '../evolving/databases.js';

const OWN_SCHEMAS = `select oid, nspname, nspacl, nspowner from pg_namespace
  where nspname !~ '^pg_' and nspname <> 'information_schema'`;

const OBJECTS = `with n as (${OWN_SCHEMAS}),
  c as (
    select c.*, format('%I.%I', n.nspname, c.relname) as path
    from pg_class c join n on n.oid = c.relnamespace
  )
select format('schema %s %s %s %s', nspname, nspowner::regrole, nspacl, obj_description(oid))
  from n
union all
select format('%s %s %s %s %s %s %s', relkind, path, relowner::regrole, relacl, reloptions,
    relrowsecurity, obj_description(oid, 'pg_class'))
  from c
union all
select format('column %s.%I %s %s %s %s %s', c.path, a.attname,
    format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attacl,
    (select pg_get_expr(d.adbin, d.adrelid) from pg_attrdef d
     where d.adrelid = a.attrelid and d.adnum = a.attnum))
  from c join pg_attribute a on a.attrelid = c.oid
  where a.attnum > 0 and not a.attisdropped and c.relkind <> 'i'
union all
select format('view %s %s', path, pg_get_viewdef(oid)) from c where relkind = 'v'
union all
select format('index %s %s %s %s', c.path, pg_get_indexdef(i.indexrelid), i.indisvalid,
    i.indisready)
  from pg_index i join c on c.oid = i.indexrelid
union all
select format('constraint %I on %s %s %s', o.conname, o.conrelid::regclass, o.convalidated,
    pg_get_constraintdef(o.oid))
  from pg_constraint o join n on n.oid = o.connamespace
union all
select format('trigger %s %s %s', c.path, t.tgenabled, pg_get_triggerdef(t.oid))
  from pg_trigger t join c on c.oid = t.tgrelid where not t.tgisinternal
union all
select format('function %s %s %s', p.proowner::regrole, p.proacl, pg_get_functiondef(p.oid))
  from pg_proc p join n on n.oid = p.pronamespace where p.prokind in ('f', 'p')
union all
select format('type %I.%I %s %s', n.nspname, t.typname, t.typtype, t.typacl)
  from pg_type t join n on n.oid = t.typnamespace`;

/** Beside the objects: what the next runner would begin with. */
const STATE = `select format('shard %s', to_jsonb(s) - '{changed_at,installed_at}'::text[])
  from halflap.shard s
union all
select format('journal %s %s %s %s', attempt, verb, step, finished_at is not null)
  from halflap.journal
union all
select format('progress %s %s %s', step, is_done, differences) from halflap.progress
union all
select format('quarantine %s', to_jsonb(q)) from halflap.quarantine q`;

/** Sorted lines. */
export async function snapshot(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ format: string }>(`${OBJECTS} union all ${STATE}`);
  return rows.map((row) => row.format).sort();
}
