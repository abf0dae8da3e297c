// The session lens: what `prepare` would make for the new release, in the temporary schema of one
// session, so that a server of it works on a shard that nobody has prepared.
//
// The views and triggers are those of the prepared lens. What differs is that nothing may be added
// to the shard: there is no table that keeps what the old layout cannot hold. So a column that only
// the new release knows takes its default and nothing else (lens-carried.ts); a table that only it
// knows takes no row; and which rows a part lacks is kept for a transaction, and looked at when it
// commits (session-records.ts). Tables that gained columns, which a prepared shard has in the table
// itself, are written through triggers like a rebuilt one.
//
// Functions in pg_temp are found by their qualified names alone; the triggers and defaults here
// name them so.

import { HalflapError, LENS_MARKER, type SessionLens } from '@halflap/protocol';
import { splitCluster } from '../changes/split-table.js';
import type { Table } from '../release/catalog.js';
import type { Evolution } from '../release/evolution.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import { typesOf } from './added.js';
import type { Statement } from './bundle.js';
import { addedColumns } from './classify.js';
import type { Evolving } from './compile.js';
import type { Shared } from './contract.js';
import { defaultFunctions } from './defaults.js';
import { lensStatements } from './lens.js';
import { bareUpsertView, upsertViewAt } from './lens-upsert.js';
import { constraintsView } from './named-constraints.js';
import { overlayRules, overlayView } from './overlay.js';
import { overlayUpserts } from './overlay-upsert.js';
import { floorTable, inRelease, type Places, temporary, work } from './places.js';
import { drawFunctions, type Rebuilt, rebuilt } from './rebuilt.js';
import { HASH_HOLE, routine } from './routine.js';
import { sessionRecords } from './session-records.js';
import { statement } from './statement.js';
import { typeOf } from './tables.js';

export function sessionLens(evolving: Evolving): SessionLens {
  const { clusters, shared, layout, evolution } = evolving;
  const [lookup] = layout.lookups;
  if (lookup !== undefined) {
    // The keys of a lookup table must last, and its functions must be there.
    const impossible = `${lookup.change.kind} of ${lookup.table.name} needs a prepared shard`;
    return { statements: [], impossible };
  }
  const [map] = layout.keys;
  if (map !== undefined) {
    const impossible = `the drawn keys of ${map.table.name} need a prepared shard`;
    return { statements: [], impossible };
  }
  const [second] = evolving.duplicates;
  if (second !== undefined) {
    const impossible = `the duplicates of ${second.policy.constraint} need a prepared shard`;
    return { statements: [], impossible };
  }
  const secured = shared.find(({ pair }) => pair.old.rowSecurity && addedColumns(pair).length > 0);
  if (secured !== undefined) {
    // Its views have the rights of the role that made them, also after SET ROLE.
    const impossible = `row security of ${secured.pair.old.name} needs a prepared shard`;
    return { statements: [], impossible };
  }
  const places = temporary(evolving.places);
  // The others are written by triggers, or not at all.
  const plain = shared.filter(({ pair }) => addedColumns(pair).length === 0);
  const covered = shared.filter((one) => one.kind === 'overlay' || !plain.includes(one));
  const statements = [
    ...refuseRowSecurity([
      ...clusters.flatMap(({ cluster }) => cluster.olds.map((one) => one.table.name)),
      ...covered.map(({ pair }) => pair.old.name),
    ]),
    ...typesOf(evolving.to, evolving.from).map((one) =>
      statement(one.create(inRelease(places, one.name))),
    ),
    ...defaultFunctions(evolving, places),
    statement(refusal(places)),
    ...clusters.flatMap(({ cluster }) => rebuiltLens(rebuilt(cluster, places))),
    ...shared.flatMap((one) => sharedLens(one, places, evolution)),
    ...constraintsView(plain, places),
    ...overlayUpserts(plain, places, evolution),
    ...layout.added.flatMap((table) => emptyTable(table, places)),
    statement(
      sql`create view ${work(places, LENS_MARKER)} as select ${literal(HASH_HOLE)}::text as bundle`,
    ),
  ];
  return { statements: statements.map((one) => one.sql), impossible: null };
}

/**
 * What somebody has switched on by hand: the views have the rights of the role that made them, also
 * after SET ROLE.
 */
function refuseRowSecurity(tables: readonly string[]): Statement[] {
  if (tables.length === 0) return [];
  const at = tables.map((table) => sql`$r$${floorTable(table)}$r$::regclass`);
  return [
    statement(sql`do $halflap$
declare
  found text;
begin
  select string_agg(c.relname, ', ' order by c.relname) into found
  from pg_catalog.pg_class as c
  where c.relrowsecurity and c.oid in (${at});
  if found is not null then
    raise insufficient_privilege using
      message = format('a session lens would pass the row security of %s', found),
      hint = 'Switch it off: alter table … disable row level security.';
  end if;
end
$halflap$`),
  ];
}

function rebuiltLens({ cluster, places, filling }: Rebuilt, rules: string[] = []): Statement[] {
  return [
    ...drawFunctions(cluster, places),
    ...sessionRecords(cluster, filling, 'tables'),
    ...lensStatements(cluster, filling, rules),
    ...sessionRecords(cluster, filling, 'triggers'),
  ];
}

/** A table that both releases have: nothing, a view, or the lens of a table with triggers. */
function sharedLens({ pair, kind }: Shared, places: Places, evolution: Evolution): Statement[] {
  if (addedColumns(pair).length === 0) {
    return kind === 'overlay' ? overlayView(pair, places) : [];
  }
  try {
    const cluster = splitCluster([pair], null, evolution);
    return rebuiltLens(rebuilt(cluster, places), overlayRules(pair));
  } catch (error) {
    // Its rows cannot be told apart, which a view does not need and a trigger does.
    if (!(error instanceof HalflapError)) throw error;
    const why = {
      state: 'HL003',
      message: `${pair.new.name} can only be read on a shard that is not prepared`,
      detail: `It has columns that release ${places.from} lacks, and no key to find its rows by.`,
    };
    return [...overlayView(pair, places), ...refuseWrites(pair.new, places, why)];
  }
}

/** No row of it can be held, so it has none. */
function emptyTable(table: Table, places: Places): Statement[] {
  const columns = table.columns.map((column) => {
    const value = sql`null::${trusted(column.type)}`;
    const collated = column.collation === null ? value : sql`null::${typeOf(column)}`;
    return sql`${collated} as ${name(column.name)}`;
  });
  const view = inRelease(places, table.name);
  const why = {
    state: 'HL001',
    message: `release ${places.from} of this shard cannot hold rows of ${table.name}`,
    detail: `Only release ${places.to} has the table.`,
  };
  return [
    statement(sql`create view ${view} as select ${columns} where false`),
    ...refuseWrites(table, places, why),
  ];
}

interface Why {
  readonly state: string;
  readonly message: string;
  readonly detail: string;
}

/** Also those with ON CONFLICT, so that the same is said of them. */
function refuseWrites(table: Table, places: Places, why: Why): Statement[] {
  const given = [why.state, why.message, why.detail].map(literal);
  const views = [inRelease(places, table.name), upsertViewAt(table, places)];
  return [
    ...bareUpsertView(table, places),
    ...views.map((view) =>
      statement(sql`create trigger ${name('halflap_refuse')}
instead of insert or update or delete on ${view}
for each row execute function ${refusalAt(places)}(${given})`),
    ),
  ];
}

/** One function for all: what it says are the arguments of its triggers. */
function refusal(places: Places): Sql {
  return routine(places, {
    at: refusalAt(places),
    returns: 'trigger',
    about: 'what a shard that is not prepared cannot hold',
    body: [
      sql`raise exception using errcode = tg_argv[0], message = tg_argv[1], detail = tg_argv[2],
    hint = ${literal(`Prepare the shard: it then keeps what only release ${places.to} knows.`)};`,
    ],
  });
}

function refusalAt(places: Places): Sql {
  return work(places, 'halflap_refuse');
}
