// Which relations of this release are behind INSTEAD OF triggers on a shard, and the view beside
// each of them that takes INSERT … ON CONFLICT (engine/src/compile/lens-upsert.ts). The shard's
// catalogue tells: such a view ends in a column whose type is the rows of the table it is for.

import { releaseSchema } from '@halflap/protocol';
import type { Settings } from './options.js';

/** The view that takes upserts for one relation of the release. */
export interface UpsertView {
  readonly schema: string;
  readonly view: string;
  readonly columns: readonly UpsertColumn[];
}

export interface UpsertColumn {
  readonly name: string;
  /** What DEFAULT stands for, as SQL; null for null. */
  readonly default: string | null;
}

/** The relations of one release that a shard shows otherwise than as the release's own tables. */
export interface LensRelations {
  readonly releaseSchema: string;
  /** What takes upserts for those behind INSTEAD OF triggers, or by constraints without columns. */
  readonly views: ReadonlyMap<string, UpsertView>;
  /**
   * Of relations that take the clause, the constraints that are not there under their names, with
   * their columns; null where no list of columns means the same.
   */
  readonly constraints: ReadonlyMap<string, ReadonlyMap<string, readonly string[] | null>>;
}

/** What reads the catalogue: a client of the driver, or anything that asks as one does. */
export interface Reader {
  query(text: string, values: string[]): Promise<{ rows: unknown[] }>;
}

/** Where a session's own lens is, whatever number that schema has. */
const OWN_SCHEMA = 'pg_temp';

interface Found {
  readonly views: readonly (UpsertView & { readonly table: string })[] | null;
  /** The schema, quoted, of the view that knows them; null for none. */
  readonly constraints_in: string | null;
}

interface Constraint {
  readonly relation: string;
  readonly constraint: string;
  readonly columns: readonly string[] | null;
}

/**
 * Of the lens that the shard holds, or of the session's `own`. One or two round trips on a bound
 * session; nothing where a shard was prepared without it.
 */
export async function readLensRelations(
  client: Reader,
  who: Pick<Settings, 'app' | 'release'>,
  whose: 'shard' | 'own' = 'shard',
): Promise<LensRelations> {
  const schema = whose === 'own' ? OWN_SCHEMA : releaseSchema(who.app, who.release);
  const { rows } = await client.query(FIND, [schema]);
  const { views, constraints_in: place } = rows[0] as Found;
  return {
    releaseSchema: schema,
    views: new Map((views ?? []).map(({ table, ...view }) => [table, view])),
    constraints: place === null ? new Map() : await readConstraints(client, place),
  };
}

/** The engine's views beside the relations of $1: in its own schemas, or all of them in one. */
const FIND = `
with here as (
  select n.oid, $1::text as name from pg_catalog.pg_namespace as n
  where n.nspname = $1 or ($1 = '${OWN_SCHEMA}' and n.oid = pg_catalog.pg_my_temp_schema())
),
beside as (
  select n.oid, coalesce(here.name, n.nspname) as name
  from pg_catalog.pg_namespace as n
  left join here on here.oid = n.oid
  where here.oid is not null or ($1 <> '${OWN_SCHEMA}' and n.nspname like 'halflap\\_%')
),
views as (
  select t.relname as "table", beside.name as schema, v.relname as view,
         json_agg(
           json_build_object('name', c.attname, 'default', pg_get_expr(d.adbin, d.adrelid))
           order by c.attnum
         ) as columns
  from pg_catalog.pg_attribute as a
  join pg_catalog.pg_class as v on v.oid = a.attrelid and v.relkind = 'v'
  join beside on beside.oid = v.relnamespace
  join pg_catalog.pg_type as y on y.oid = a.atttypid
  join pg_catalog.pg_class as t on t.oid = y.typrelid
  join pg_catalog.pg_class as lens on lens.relname = t.relname and lens.relkind = 'v'
  join here on here.oid = lens.relnamespace
  join pg_catalog.pg_attribute as c
    on c.attrelid = v.oid and c.attnum > 0 and c.attname not like 'halflap\\_%'
  left join pg_catalog.pg_attrdef as d on d.adrelid = c.attrelid and d.adnum = c.attnum
  where a.attname = 'halflap_row'
  group by 1, 2, 3
)
select (select json_agg(views) from views) as views,
       (select pg_catalog.quote_ident(beside.name)
        from pg_catalog.pg_class as v
        join beside on beside.oid = v.relnamespace
        where v.relname = 'halflap_constraints' and v.relkind = 'v') as constraints_in`;

/** As engine/src/compile/named-constraints.ts writes them. */
async function readConstraints(
  client: Reader,
  place: string,
): Promise<LensRelations['constraints']> {
  const { rows } = await client.query(
    `select c.relation, c."constraint", c.columns from ${place}.halflap_constraints as c`,
    [],
  );
  const found = new Map<string, Map<string, readonly string[] | null>>();
  for (const { relation, constraint, columns } of rows as Constraint[]) {
    const known = found.get(relation) ?? new Map<string, readonly string[] | null>();
    found.set(relation, known.set(constraint, columns));
  }
  return found;
}
