// The schema of a release is Halflap's own: expand replaces it, abort and the next contract drop
// it. What somebody else has put there, or hung on what is in it, would stop a step half-way or go
// with it; so it is looked for before a verb does anything.

import { HalflapError, releaseSchema } from '@halflap/protocol';
import type { Bundle } from '../compile/bundle.js';
import { generatedName } from '../names.js';
import type { Catalog } from '../release/catalog.js';
import { name } from '../sql.js';
import { type KnownTable, namesOn, strangersWith } from '../strangers.js';
import { type FloorTables, floorTable, readFloorTables } from './holes.js';
import { knownOfFloor, machinery, sharedTables } from './old-tables.js';
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

/**
 * What hangs on the schemas of the new release from elsewhere; for abort also what belongs to its
 * tables, and to the columns that tables of both releases lose again.
 */
async function dependents({ session, bundle, verb }: Run): Promise<string[]> {
  const { releaseSchema: own, workSchema, to } = bundle;
  const floor = await readFloorTables(session, bundle);
  const schemas = machinery(bundle);
  const isAbort = verb === 'abort';
  const ofRelease = to.catalog.tables.flatMap((table): KnownTable[] => {
    const names = namesOn([table, to.catalog]);
    const places = [name(own, table.name), name(workSchema, generatedName(table.name))];
    return places.map((at) => ({ at, names }));
  });
  const { text } = strangersWith({
    tables: [],
    sequences: [],
    columns: isAbort ? addedColumns(bundle, floor) : [],
    schemas,
    own: schemas,
    known: [...knownOfFloor(bundle, floor), ...ofRelease],
    knownSequences: to.catalog.sequences.map((one) => one.name),
  });
  const rows = await session.query<{ what: string; is_part: boolean }>(text);
  const found = rows.filter((row) => isAbort || !row.is_part);
  return found.map(({ what }) => what).sort();
}

/** Columns that abort takes from tables of both releases. */
function addedColumns(bundle: Bundle, floor: FloorTables) {
  return sharedTables(bundle).flatMap(([old, table]) =>
    table.columns
      .filter((one) => old.columns.every((other) => other.name !== one.name))
      .map(({ name: column }) => ({ at: floorTable(floor, old.name), column })),
  );
}
