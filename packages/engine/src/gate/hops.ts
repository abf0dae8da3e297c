// Both directions of an evolution, one after the other, as queries over a prepared shard: what the
// new release reads of the old one's rows, what those rows are when they are made from that again,
// and what would then be read.

import type { Bundle } from '../compile/bundle.js';
import { anyDiffers, sameKey, typesOf } from '../compile/compared.js';
import type { Evolving } from '../compile/compile.js';
import { type Bind, bindWith, type Mapping, newRelation } from '../compile/mapping.js';
import { floorTable, lensBind } from '../compile/places.js';
import type { Rebuilt } from '../compile/rebuilt.js';
import { writtenColumns } from '../compile/slices.js';
import type { Session } from '../pg.js';
import { columnNames, type Table } from '../release/catalog.js';
import { assertFilled, type FloorTables, fillFloor } from '../shard/holes.js';
import { releasePath } from '../shard/settings.js';
import { joined, literal, name, type Sql, sql } from '../sql.js';
import type { ShownRow } from './counter-example.js';

/** A prepared shard on which rows may come and go. */
export interface Ground {
  readonly session: Session;
  readonly floor: FloorTables;
  readonly evolving: Evolving;
  readonly bundle: Bundle;
}

/** Asks in the caller's transaction, as the triggers of the shard find their names. */
export async function ask<Row extends object>(
  { session, floor, bundle }: Ground,
  question: Sql,
): Promise<Row[]> {
  const path = sql`select pg_catalog.set_config(
  'search_path', ${literal(releasePath(bundle))}, true)`;
  // In one message, since it is asked hundreds of times.
  const text = assertFilled(fillFloor(question.text, floor), 'check');
  return session.query<Row>(`${path.text};\n${text}`);
}

/** The rows of something that may stand in FROM. */
export async function rowsOf(ground: Ground, table: Table, from: Sql): Promise<ShownRow[]> {
  const columns = columnNames(table);
  const values = columns.map((column) => sql`${name('x', column)}::text`);
  const rows = await ask<{ row: (string | null)[] }>(
    ground,
    sql`select array[${values}]::text[] as row from ${from} as x order by 1`,
  );
  return rows.map(({ row }) => ({
    table: table.name,
    row: Object.fromEntries(columns.map((column, place) => [column, row[place] ?? null])),
  }));
}

/** Old tables made from the new ones; what only they have is as it is in them. */
export function madeAgain({ cluster }: Rebuilt, news: Bind): Bind {
  return cluster.olds.reduce<Bind>((bind, { relation, table }) => {
    const mapping = cluster.backward.find((one) => one.target === relation);
    return mapping === undefined ? bind : bindWith(relation, again(mapping, table, news), bind);
  }, news);
}

function again(mapping: Mapping, table: Table, news: Bind): Sql {
  const told = writtenColumns(mapping);
  const columns = columnNames(table).map(
    (one) => sql`${name(told.includes(one) ? 'q' : 'o', one)}`,
  );
  return sql`(select ${columns} from (${mapping.query(news)}) as q
left join ${floorTable(table.name)} as o on ${sameKey('o', mapping.key, 'q')})`;
}

/** New tables made from the old ones; what only they have is null. */
export function readAgain({ cluster }: Rebuilt, olds: Bind): Bind {
  return cluster.parts.reduce<Bind>((bind, { mapping, table }) => {
    const told = writtenColumns(mapping);
    const columns = columnNames(table).map((one) =>
      told.includes(one) ? name('q', one) : sql`null as ${name(one)}`,
    );
    const rows = sql`(select ${columns} from (${mapping.query(olds)}) as q)`;
    return bindWith(newRelation(table.name), rows, bind);
  }, olds);
}

export function lensOf({ evolving }: Ground): Bind {
  return lensBind(evolving.places);
}

/** Rows of an old table that are not made again, by key and slice: FROM and WHERE, with alias t. */
export function notKept(mapping: Mapping, lens: Bind): Sql {
  const columns = [...new Set([...mapping.key, ...mapping.slice])];
  return sql`from ${lens(mapping.target)} as t where not exists (
  select from (${mapping.query(lens)}) as q where ${sameKey('q', columns, 't')})`;
}

/** Rows of a new table that are another one, or none, when they are read once more. */
export function unlike(mapping: Mapping, table: Table, sides: { first: Bind; then: Bind }): Sql {
  const { target, key } = mapping;
  const columns = writtenColumns(mapping);
  const isOther = anyDiffers('n', 'q', columns, typesOf(table));
  const [first = ''] = key;
  return sql`from ${sides.first(target)} as n
full join (select ${joined(columns.map((one) => name('y', one)))}
  from ${sides.then(target)} as y) as q on ${sameKey('q', key, 'n')}
where ${name('n', first)} is null or ${name('q', first)} is null or ${isOther}`;
}
