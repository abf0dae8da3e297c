// What a shard's catalogue is, seen as one release, whatever schema each table is in.

import {
  type Bundle,
  type Catalog,
  type Difference,
  differences,
  introspect,
  settingDifferences,
  type Table,
} from '@halflap/engine';
import pg from 'pg';

/** Differences of the old release's schema; anything at all counts. */
export function leftovers(url: string, bundle: Bundle): Promise<string[]> {
  return withSession(url, async (session, client) => {
    const found = await introspect(session, 'public');
    // A release schema may stay to say to servers of the new release that it is not served.
    const relations = await client.query<{ relation: string }>(
      `select format('%I.%I', n.nspname, c.relname) as relation
     from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where n.nspname = any ($1)
       and coalesce(obj_description(c.oid, 'pg_class'), '') not like 'Halflap tombstone%'`,
      [[bundle.releaseSchema, bundle.workSchema]],
    );
    const routines = await client.query<{ relation: string }>(
      `select format('%I.%I()', n.nspname, p.proname) as relation
     from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace where n.nspname = any ($1)`,
      [[bundle.releaseSchema, bundle.workSchema]],
    );
    const triggers = await client.query<{ tgname: string }>(
      `select t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
     where not t.tgisinternal and t.tgname like 'halflap%'
       and c.relnamespace = 'public'::regnamespace`,
    );
    return [
      ...differences(bundle.from.catalog, found).map((one) => one.text),
      ...settingDifferences(bundle.from.catalog, found),
      ...[...relations.rows, ...routines.rows].map((one) => `${one.relation} is left`),
      ...triggers.rows.map((one) => `trigger ${one.tgname} is left`),
    ];
  });
}

/** Differences of a contracted shard from a fresh install of the new release. */
export function unlikeFresh(url: string, bundle: Bundle): Promise<string[]> {
  return withSession(url, async (session, client) => {
    const own = await introspect(session, bundle.releaseSchema);
    const home = await introspect(session, 'public');
    const schemas = [bundle.releaseSchema, 'public'];
    const found = merged(bundle, plain(own, schemas), plain(home, schemas));
    const work = await client.query('select from pg_namespace where nspname = $1', [
      bundle.workSchema,
    ]);
    const wanted = plain(bundle.to.catalog, schemas);
    return [
      ...differences(wanted, found)
        .filter((one) => !isTombstone(one))
        .map((one) => one.text),
      ...settingDifferences(wanted, found),
      ...(work.rows.length > 0 ? [`schema ${bundle.workSchema} is left`] : []),
    ];
  });
}

/** Views that answer the fenced release stand beside what the new release knows. */
function isTombstone({ kind, object }: Difference): boolean {
  return kind === 'extra object' && !/^(?:trigger|rule|policy) /.test(object);
}

function merged(bundle: Bundle, own: Catalog, home: Catalog): Catalog {
  const pick = <Item extends { readonly name: string }>(first: readonly Item[], then: Item[]) => [
    ...first,
    ...then.filter((item) => first.every((other) => other.name !== item.name)),
  ];
  const free = new Set(
    bundle.relations
      .filter((one) => one.kind === 'overlay' || one.kind === 'native')
      .map((one) => one.new),
  );
  return {
    tables: pick(own.tables, [...home.tables]).map((table) =>
      free.has(table.name) ? inOrder(bundle, table) : table,
    ),
    partitions: pick(own.partitions, [...home.partitions]),
    sequences: pick(own.sequences, [...home.sequences]),
    enums: pick(own.enums, [...home.enums]),
    domains: pick(own.domains, [...home.domains]),
    others: [...own.others, ...home.others],
  };
}

/** Columns of a table that both releases shared stand in the order in which they came. */
function inOrder(bundle: Bundle, table: Table): Table {
  const wanted = bundle.to.catalog.tables.find((one) => one.name === table.name);
  const order = wanted?.columns.map((column) => column.name) ?? [];
  const columns = [...table.columns].sort(
    (left, right) => order.indexOf(left.name) - order.indexOf(right.name),
  );
  return { ...table, columns };
}

function plain(catalog: Catalog, schemas: readonly string[]): Catalog {
  const prefix = new RegExp(`(?<![\\w".])"?(?:${schemas.join('|')})"?\\.`, 'g');
  return JSON.parse(JSON.stringify(catalog), (_, value: unknown) =>
    typeof value === 'string' ? value.replace(prefix, '') : value,
  ) as Catalog;
}

/** The engine's session over a client that reads values as pg does by default. */
async function withSession<Result>(
  url: string,
  body: (session: Parameters<typeof introspect>[0], client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const session = {
      query: async (text: string, values?: readonly unknown[]) =>
        (await client.query(text, values === undefined ? undefined : [...values])).rows,
      transaction: (work: () => Promise<unknown>) => work(),
      onNotice: () => {},
      end: () => client.end(),
    };
    return await body(session as Parameters<typeof introspect>[0], client);
  } finally {
    await client.end();
  }
}
