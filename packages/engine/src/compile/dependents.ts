// What an operator has made on an old table, and no release knows, must not go with it in silence:
// contract drops the old layout with all that hangs on it, so it looks first, while there is a way
// back. What comes between that look and the locks is found before the schemas are dropped.

import { literal, name, type Sql, sql } from '../sql.js';
import { type Going, type KnownTable, namesOn, strangersWith } from '../strangers.js';
import { STRANGERS_STATE, type Statement } from './bundle.js';
import { droppedColumns, physicalIndexName } from './classify.js';
import type { Evolving } from './compile.js';
import { sharedPlace } from './contract.js';
import { floorTable, type Places } from './places.js';
import { schemaAtFence } from './sequence-plan.js';
import { statement } from './statement.js';

/**
 * Fails where anything of somebody else depends on tables, columns or sequences that go, or belongs
 * to them; and where a session still has its own lens over a table that changes, from before it was
 * prepared.
 */
export function refuseDependents(tables: readonly string[], evolving: Evolving): Statement[] {
  const { shared, places, sequences } = evolving;
  const columns = shared.flatMap(({ pair }) =>
    droppedColumns(pair).map(({ name: column }) => ({ at: floorTable(pair.old.name), column })),
  );
  const changed = shared.flatMap(({ pair, kind }) => (kind === 'overlay' ? [pair.old.name] : []));
  if (tables.length + sequences.gone.length + changed.length + columns.length === 0) return [];
  const found = strangersWith({
    tables: tables.map(floorTable),
    sequences: sequences.gone.map(
      (one) => sql`${schemaAtFence(evolving, one, 'at first')}.${name(one.name)}`,
    ),
    columns,
    schemas: [],
    own: schemasOf(places),
    known: knownTables(evolving, floorTable),
    knownSequences: evolving.from.sequences.map((one) => one.name),
  });
  const lenses = sql`select pg_describe_object('pg_class'::regclass, v.oid, 0)
    from pg_depend as d
    join pg_rewrite as w on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid
    join pg_class as v on v.oid = w.ev_class
    where d.refclassid = 'pg_class'::regclass and v.relpersistence = 't'
      and d.refobjid in (${[sql`null`, ...changed.map((one) => regclass(floorTable(one)))]})
      and v.oid <> d.refobjid`;
  const message = 'what goes with release %s takes along what is not its own: %s';
  const all = sql`select s.what from (${found}) as s union ${lenses}`;
  return [refuseWhere(all, { message, over: 'tables', verb: 'contract', places })];
}

/**
 * Drops schemas of which everything is Halflap's, each with all that is in it.
 * @throws STRANGERS_STATE where anything else would go with it.
 */
export function dropSchemas(
  verb: 'contract' | 'abort',
  schemas: readonly string[],
  evolving: Evolving,
): Statement[] {
  const { shared, places, to } = evolving;
  const place = (table: string) => {
    const one = shared.find(({ pair }) => pair.old.name === table);
    return one === undefined || verb !== 'contract' ? floorTable(table) : sharedPlace(one, places);
  };
  const found = strangersWith({
    ...NOTHING,
    schemas,
    own: schemas,
    known: knownTables(evolving, place),
    knownSequences: to.sequences.map((one) => one.name),
  });
  const message = 'what goes with the machinery of release %s takes along what is not its own: %s';
  return [
    refuseWhere(sql`select s.what from (${found}) as s`, { message, over: 'tables', verb, places }),
    ...schemas.map((one) => statement(sql`drop schema if exists ${name(one)} cascade`)),
  ];
}

const NOTHING: Pick<Going, 'tables' | 'sequences' | 'columns'> = {
  tables: [],
  sequences: [],
  columns: [],
};

/** What both releases have on the tables of the old one. */
function knownTables(evolving: Evolving, place: (table: string) => Sql): KnownTable[] {
  const { from, to, shared } = evolving;
  return from.tables.map((table) => {
    const pair = shared.find((one) => one.pair.old.name === table.name)?.pair;
    const names = namesOn([table, from], ...(pair === undefined ? [] : [[pair.new, to] as const]));
    const built = (pair?.new.indexes ?? []).map((index) => physicalIndexName(from, index));
    return { at: place(table.name), names: [...names, ...built] };
  });
}

interface Refusal {
  /** With places for the old release and what was found. */
  readonly message: string;
  /** What stands in the new release for what goes. */
  readonly over: 'tables' | 'types';
  readonly verb: 'contract' | 'abort';
  readonly places: Places;
}

/** @param found a query for what is in the way, as `what`. */
export function refuseWhere(found: Sql, { message, over, verb, places }: Refusal): Statement {
  const staying = verb === 'contract' ? places.to : places.from;
  const hint =
    `make them anew over the ${over} of release ${staying} where they are needed, and drop them; ` +
    'what is in a pg_temp schema goes when its session ends';
  return statement(sql`do $halflap$
declare
  found text[];
begin
  select array_agg(one.what order by one.what) into found
  from (
    ${found}
  ) as one;
  if found is not null then
    raise exception using
      errcode = ${literal(STRANGERS_STATE)},
      message = format(${literal(message)},
        ${literal(places.from)}, array_to_string(found, ', ')),
      detail = array_to_string(found, E'\n'),
      hint = ${literal(hint)};
  end if;
end
$halflap$`);
}

/** Schemas in which everything is Halflap's. */
export function ownSchemas(places: Places): Sql {
  return sql`${schemasOf(places).map(literal)}`;
}

function schemasOf({ releaseSchema, workSchema, lensSchema }: Places): string[] {
  return [releaseSchema, workSchema, lensSchema];
}

function regclass(at: Sql): Sql {
  return sql`$r$${at}$r$::regclass`;
}
