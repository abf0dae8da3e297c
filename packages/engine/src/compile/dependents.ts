// What an operator has made on an old table, and no release knows, must not go with it in silence:
// contract drops the old layout with all that hangs on it, so it looks first, while there is a way
// back.

import { joined, literal, name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import type { Evolving } from './compile.js';
import { floorTable, type Places } from './places.js';
import { schemaAtFence } from './sequence-plan.js';
import { statement } from './statement.js';

/**
 * Fails where a view, a function, a default or a foreign key of somebody else depends on the
 * tables, or on sequences that go; and where a session still has its own lens over a table that
 * changes, from before it was prepared. Keys and defaults of the old release's own tables go in
 * other steps.
 */
export function refuseDependents(tables: readonly string[], evolving: Evolving): Statement[] {
  const { from, places } = evolving;
  const sequences = goneSequences(evolving);
  const changed = evolving.shared.flatMap(({ pair, kind }) =>
    kind === 'overlay' ? [pair.old.name] : [],
  );
  if (tables.length + sequences.length + changed.length === 0) return [];
  const known = from.tables.flatMap((table) =>
    table.foreignKeys
      .filter((key) => tables.includes(key.referencedTable) && !tables.includes(table.name))
      .map(
        (key) => sql` and not (k.conname = ${literal(key.name)}
        and k.conrelid = $r$${floorTable(table.name)}$r$::regclass)`,
      ),
  );
  const at = (relation: Sql) => sql`$r$${relation}$r$::regclass`;
  const gone = [...tables.map((table) => at(floorTable(table))), ...sequences.map(at)];
  const going = gone.length === 0 ? [sql`null`] : gone;
  const lensed = [...tables, ...changed].map((table) => at(floorTable(table)));
  const own = from.tables.map((table) => at(floorTable(table.name)));
  const found = sql`select distinct pg_describe_object('pg_class'::regclass, v.oid, 0) as what
    from pg_depend as d
    join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    join pg_class as v on v.oid = w.ev_class
    join pg_namespace as n on n.oid = v.relnamespace
    where d.refclassid = 'pg_class'::regclass
      and (d.refobjid in (${going}) or v.relpersistence = 't' and d.refobjid in (${lensed}))
      and v.oid <> d.refobjid and n.nspname not in (${ownSchemas(places)})
    union
    select pg_describe_object('pg_proc'::regclass, p.oid, 0)
    from pg_depend as d
    join pg_proc as p on d.classid = 'pg_proc'::regclass and d.objid = p.oid
    join pg_namespace as n on n.oid = p.pronamespace
    where d.refclassid = 'pg_class'::regclass and d.refobjid in (${going})
      and n.nspname not in (${ownSchemas(places)})
    union
    select pg_describe_object('pg_attrdef'::regclass, f.oid, 0)
    from pg_depend as d
    join pg_attrdef as f on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
    join pg_class as c on c.oid = f.adrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where d.refclassid = 'pg_class'::regclass and d.refobjid in (${going})
      and c.relkind in ('r', 'p') and f.adrelid not in (${own})
      and n.nspname not in (${ownSchemas(places)})
    union
    select pg_describe_object('pg_constraint'::regclass, k.oid, 0)
    from pg_constraint as k
    join pg_class as c on c.oid = k.conrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where k.contype = 'f' and k.confrelid in (${going}) and k.conrelid not in (${going})
      and n.nspname not in (${ownSchemas(places)})${joined(known, '')}`;
  const message = 'tables and sequences of release %s cannot go: these depend on them: %s';
  return [refuseWhere(found, { message, over: 'tables', places })];
}

interface Refusal {
  /** With places for the old release and what was found. */
  readonly message: string;
  /** What stands in the new release for what goes. */
  readonly over: 'tables' | 'types';
  readonly places: Places;
}

/** @param found a query for what is in the way, as `what`. */
export function refuseWhere(found: Sql, { message, over, places }: Refusal): Statement {
  const hint =
    `Drop them, or make them anew over the ${over} of release ${places.to}; ` +
    'what is in a pg_temp schema goes when its session ends. Then run contract again.';
  return statement(sql`do $halflap$
declare
  found text;
begin
  select string_agg(one.what, ', ' order by one.what) into found
  from (
    ${found}
  ) as one;
  if found is not null then
    raise dependent_objects_still_exist using
      message = format(${literal(message)},
        ${literal(places.from)}, found),
      hint = ${literal(hint)};
  end if;
end
$halflap$`);
}

/** Sequences of the old release that go, with a table that goes or by themselves. */
function goneSequences(evolving: Evolving): Sql[] {
  return evolving.sequences.gone.map(
    (one) => sql`${schemaAtFence(evolving, one, 'at first')}.${name(one.name)}`,
  );
}

/** Schemas in which everything is Halflap's. */
export function ownSchemas({ releaseSchema, workSchema, lensSchema }: Places): Sql {
  return sql`${[releaseSchema, workSchema, lensSchema].map(literal)}`;
}
