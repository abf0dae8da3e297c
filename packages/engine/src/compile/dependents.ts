// What an operator has made on an old table, and no release knows, must not go with it in silence:
// contract drops the old layout with all that hangs on it, so it looks first, while there is a way
// back.

import type { Catalog } from '../release/catalog.js';
import { joined, literal, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import { floorTable, type Places } from './places.js';
import { statement } from './statement.js';

/**
 * Fails where a view, a function or a foreign key of somebody else depends on the tables.
 * @param from the old release: its own keys to the tables go in steps of their own.
 */
export function refuseDependents(
  tables: readonly string[],
  from: Catalog,
  places: Places,
): Statement[] {
  if (tables.length === 0) return [];
  const known = from.tables.flatMap((table) =>
    table.foreignKeys
      .filter((key) => tables.includes(key.referencedTable) && !tables.includes(table.name))
      .map(
        (key) => sql` and not (k.conname = ${literal(key.name)}
        and k.conrelid = $r$${floorTable(table.name)}$r$::regclass)`,
      ),
  );
  const going = joined(
    tables.map((table) => sql`$r$${floorTable(table)}$r$::regclass`),
    ', ',
  );
  const hint =
    `Drop them, or make them anew over the tables of release ${places.to}; ` +
    'then run contract again.';
  return [
    statement(sql`do $halflap$
declare
  found text;
begin
  select string_agg(one.what, ', ' order by one.what) into found
  from (
    select distinct pg_describe_object('pg_class'::regclass, v.oid, 0) as what
    from pg_depend as d
    join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    join pg_class as v on v.oid = w.ev_class
    join pg_namespace as n on n.oid = v.relnamespace
    where d.refclassid = 'pg_class'::regclass and d.refobjid in (${going})
      and v.oid <> d.refobjid and n.nspname not in (${ownSchemas(places)})
    union
    select pg_describe_object('pg_proc'::regclass, p.oid, 0)
    from pg_depend as d
    join pg_proc as p on d.classid = 'pg_proc'::regclass and d.objid = p.oid
    join pg_namespace as n on n.oid = p.pronamespace
    where d.refclassid = 'pg_class'::regclass and d.refobjid in (${going})
      and n.nspname not in (${ownSchemas(places)})
    union
    select pg_describe_object('pg_constraint'::regclass, k.oid, 0)
    from pg_constraint as k
    join pg_class as c on c.oid = k.conrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where k.contype = 'f' and k.confrelid in (${going}) and k.conrelid not in (${going})
      and n.nspname not in (${ownSchemas(places)})${joined(known, '')}
  ) as one;
  if found is not null then
    raise dependent_objects_still_exist using
      message = format('tables of release %s cannot go: these depend on them: %s',
        ${literal(places.from)}, found),
      hint = ${literal(hint)};
  end if;
end
$halflap$`),
  ];
}

function ownSchemas({ releaseSchema, workSchema, lensSchema }: Places): Sql {
  return sql`${[releaseSchema, workSchema, lensSchema].map(literal)}`;
}
