// What becomes of types at contract. Until then each release has its own, where one name means two
// things: the new one's in the release schema, the old one's at home. Then those of the old release
// go, and those of the new one take their place at once: nothing but a name moves, and nobody waits
// for it.

import { HOME_SCHEMA } from '@halflap/protocol';
import { isApart } from '../release/types-apart.js';
import { joined, name, type Sql, sql, trusted } from '../sql.js';
import { typesOf } from './added.js';
import type { Statement } from './bundle.js';
import type { Evolving } from './compile.js';
import { ownSchemas, refuseWhere } from './dependents.js';
import { floorTable, inRelease } from './places.js';
import { statement } from './statement.js';
import { isTombstone } from './tombstone.js';

/** Types of the old release that contract drops, each before those that it is over. */
function goneTypes({ from, to }: Evolving): Sql[] {
  return typesOf(from, to)
    .reverse()
    .map((one) => (isApart(one.name) ? trusted(one.name) : name(HOME_SCHEMA, one.name)));
}

/** The last tables of them are gone; tombstones of an earlier release may not be. */
export function dropTypes(evolving: Evolving): Statement[] {
  return goneTypes(evolving).map((type) =>
    statement(sql`do $halflap$
declare
  tombstone record;
begin
  for tombstone in
    select distinct n.nspname, v.relname
    from pg_depend as d
    join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
    join pg_class as v on v.oid = w.ev_class
    join pg_namespace as n on n.oid = v.relnamespace
    where d.refclassid = 'pg_type'::regclass and d.refobjid in (${oidsOf(type)})
      and ${isTombstone('v')}
    order by n.nspname, v.relname
  loop
    execute format('drop view %I.%I', tombstone.nspname, tombstone.relname);
  end loop;
  drop type ${type};
end
$halflap$`),
  );
}

export function newTypesHome({ places, from, to }: Evolving): Statement[] {
  return typesOf(to, from).map((one) =>
    statement(sql`alter type ${inRelease(places, one.name)} set schema ${name(HOME_SCHEMA)}`),
  );
}

/** Fails where anything of somebody else's is made of a type that goes. */
export function refuseTypeDependents(evolving: Evolving): Statement[] {
  const { from, places } = evolving;
  const types = goneTypes(evolving);
  if (types.length === 0) return [];
  const own = [
    sql`0`,
    ...from.tables.map((table) => sql`$r$${floorTable(table.name)}$r$::regclass`),
  ];
  const found = sql`select distinct pg_describe_object(d.classid, d.objid, d.objsubid) as what
  from pg_depend as d
  left join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and w.oid = d.objid
  left join pg_attrdef as f on d.classid = 'pg_attrdef'::regclass and f.oid = d.objid
  left join pg_constraint as k on d.classid = 'pg_constraint'::regclass and k.oid = d.objid
  left join pg_index as i on d.classid = 'pg_class'::regclass and i.indexrelid = d.objid
  left join pg_class as c on c.oid = coalesce(w.ev_class, f.adrelid, nullif(k.conrelid, 0),
    i.indrelid, case when d.classid = 'pg_class'::regclass then d.objid end)
  left join pg_type as t on t.oid = coalesce(nullif(k.contypid, 0),
    case when d.classid = 'pg_type'::regclass then d.objid end)
  left join pg_proc as p on d.classid = 'pg_proc'::regclass and p.oid = d.objid
  left join pg_namespace as n
    on n.oid = coalesce(c.relnamespace, t.typnamespace, p.pronamespace)
  where d.refclassid = 'pg_type'::regclass and d.refobjid in (${joined(types.map(oidsOf))})
    and d.deptype = 'n'
    and (c.oid in (${own})) is not true
    and (t.oid in (${joined(types.map(oidsOf))})) is not true
    and (n.nspname in (${ownSchemas(places)})) is not true
    and (${isTombstone('c')}) is not true`;
  const message = 'types of release %s cannot go: these are made of them: %s';
  return [refuseWhere(found, { message, over: 'types', verb: 'contract', places })];
}

/** The type and its array. */
function oidsOf(type: Sql): Sql {
  const one = sql`$r$${type}$r$::regtype`;
  return sql`${one}, (select a.typarray from pg_type as a where a.oid = ${one})`;
}
