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

/** The relations of one release that a shard shows through INSTEAD OF triggers. */
export interface LensRelations {
  readonly releaseSchema: string;
  readonly views: ReadonlyMap<string, UpsertView>;
}

/** What reads the catalogue: a client of the driver, or anything that asks as one does. */
export interface Reader {
  query(text: string, values: string[]): Promise<{ rows: unknown[] }>;
}

interface Row extends UpsertView {
  readonly table: string;
}

/** Where a session's own lens is, whatever number that schema has. */
const OWN_SCHEMA = 'pg_temp';

/**
 * Of the lens that the shard holds, or of the session's `own`. One round trip on a bound session;
 * no relations where a shard was prepared without them.
 */
export async function readLensRelations(
  client: Reader,
  who: Pick<Settings, 'app' | 'release'>,
  whose: 'shard' | 'own' = 'shard',
): Promise<LensRelations> {
  const schema = whose === 'own' ? OWN_SCHEMA : releaseSchema(who.app, who.release);
  const { rows } = await client.query(
    `with here as (
       select n.oid, $1::text as name from pg_catalog.pg_namespace as n
       where n.nspname = $1
         or ($1 = '${OWN_SCHEMA}' and n.oid = pg_catalog.pg_my_temp_schema())
     )
     select t.relname as "table", v.relname as view,
            case v.relnamespace when here.oid then here.name else n.nspname end as schema,
            json_agg(
              json_build_object('name', c.attname, 'default', pg_get_expr(d.adbin, d.adrelid))
              order by c.attnum
            ) as columns
     from pg_catalog.pg_attribute as a
     join pg_catalog.pg_class as v on v.oid = a.attrelid and v.relkind = 'v'
     join pg_catalog.pg_namespace as n on n.oid = v.relnamespace
     join pg_catalog.pg_type as y on y.oid = a.atttypid
     join pg_catalog.pg_class as t on t.oid = y.typrelid
     join pg_catalog.pg_class as lens on lens.relname = t.relname and lens.relkind = 'v'
     join here on here.oid = lens.relnamespace
     join pg_catalog.pg_attribute as c
       on c.attrelid = v.oid and c.attnum > 0 and c.attname not like 'halflap\\_%'
     left join pg_catalog.pg_attrdef as d on d.adrelid = c.attrelid and d.adnum = c.attnum
     where a.attname = 'halflap_row' and (n.nspname like 'halflap\\_%' or n.oid = here.oid)
     group by 1, 2, 3`,
    [schema],
  );
  const views = new Map((rows as Row[]).map(({ table, ...view }) => [table, view]));
  return { releaseSchema: schema, views };
}
