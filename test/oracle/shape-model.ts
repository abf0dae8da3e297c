// What both releases of a shape should see: one plain database with a schema for each release.
// After a statement of one release, the tables of the other are made equal to what their queries
// give.

import type { Client } from '../evolving/databases.js';
import { OTHER, type Release } from './plain.js';
import { completeMaps, forgetMaps, remember } from './shape-keys.js';
import type { Shape, ShapedTable, Side, Source } from './shapes.js';

export interface Both {
  readonly shape: Shape;
  readonly client: Client;
}

/** What follows is said by this release. */
export async function become(client: Client, release: Release): Promise<void> {
  await client.query(`set search_path = ${release}`);
}

/** The tables of a release follow from those of the other one. */
export async function follow(both: Both, release: Release): Promise<void> {
  const { client, shape } = both;
  const { tables } = shape[release];
  await completeMaps(both, OTHER[release]);
  for (const table of [...tables].reverse()) {
    if (table.isKept === true) continue;
    await client.query(`delete from ${release}.${table.name} as t where ${isGone(table)}`);
  }
  for (const table of tables) {
    for (const source of table.from) await client.query(write(release, table, source));
  }
}

/** Whether the rows of a release are those that the other one's rows give. */
export async function isHeld({ client, shape }: Both, release: Release): Promise<boolean> {
  for (const table of shape[release].tables) {
    const at = `${release}.${table.name}`;
    const lost = table.from.map(
      ({ columns, query }) =>
        `exists (select ${columns.join(', ')} from (${query}) as q
         except select ${columns.join(', ')} from ${at})`,
    );
    const gone =
      table.isKept === true ? 'false' : `exists (select from ${at} as t where ${isGone(table)})`;
    const { rows } = await client.query(`select ${[...lost, gone].join(' or ')} as is_lost`);
    if (rows[0]?.is_lost === 't') return false;
  }
  return true;
}

/** The release to come begins again from what the one in the field holds. */
export async function beginAgain(both: Both): Promise<void> {
  const names = both.shape.new.tables.map((table) => `new.${table.name}`);
  await both.client.query(`truncate ${names.join(', ')}`);
  await forgetMaps(both);
  await follow(both, 'new');
  await remember(both);
}

/** All rows of a release, as text, but for those with hidden keys. */
export async function linesOf(
  client: Client,
  side: Side,
  hidden: ReadonlyMap<string, readonly string[]>,
): Promise<string[]> {
  const parts = side.tables.map((table) => {
    const keys = hidden.get(table.name) ?? [];
    const where = keys.length === 0 ? '' : ` where id not in (${keys.join(', ')})`;
    const columns = columnsOf(table).map((name) => `'${name}', ${name}::text`);
    return `select '${table.name}: ' || json_build_object(${columns.join(', ')})::text as row
      from ${table.name}${where}`;
  });
  const { rows } = await client.query<{ row: string }>(parts.join(' union all '));
  return rows.map((one) => one.row).sort();
}

/** Keys that are there, as SQL; one that was drawn by what tells the row, to be said again. */
export async function keysOf(client: Client, table: ShapedTable): Promise<string[][]> {
  const { name, drawn, key } = table;
  const names = drawn?.tells ?? key.map((one) => one.name);
  const { rows } = await client.query(
    `select ${names.map((one) => `quote_literal(${one}) as ${one}`).join(', ')}
     from ${name} order by ${names.join(', ')}`,
  );
  if (drawn === undefined) return rows.map((row) => names.map((one) => String(row[one])));
  return rows.map((row) => {
    const told = names.map((one) => `${one} = ${row[one]}`).join(' and ');
    return [`(select ${key[0]?.name} from ${name} where ${told})`];
  });
}

export function columnsOf(table: ShapedTable): string[] {
  return [...table.key, ...table.columns].map((one) => one.name);
}

function isGone({ key, from }: ShapedTable): string {
  const same = key.map(({ name }) => `q.${name} = t.${name}`).join(' and ');
  const givers = from.filter(({ columns }) => key.every(({ name }) => columns.includes(name)));
  return givers
    .map(({ query }) => `not exists (select from (${query}) as q where ${same})`)
    .join(' and ');
}

function write(release: Release, { name, key }: ShapedTable, source: Source): string {
  const { columns, query, isMore } = source;
  const keys = key.map((one) => one.name);
  const rest = columns.filter((column) => !keys.includes(column));
  if (isMore) {
    return `update ${release}.${name} as t
      set ${rest.map((column) => `${column} = q.${column}`).join(', ')}
      from (${query}) as q where ${keys.map((one) => `t.${one} = q.${one}`).join(' and ')}`;
  }
  const set = rest.map((column) => `${column} = excluded.${column}`).join(', ');
  return `insert into ${release}.${name} (${columns.join(', ')}) overriding system value
    select ${columns.join(', ')} from (${query}) as q
    on conflict (${keys.join(', ')}) do ${set === '' ? 'nothing' : `update set ${set}`}`;
}
