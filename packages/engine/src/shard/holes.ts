// Fills the holes that a bundle leaves for the shard at hand (compile/bundle.ts): where a table of the
// floor release lives, and the key range of a batch.
//
// Invariant: filled text has no hole left, and values of keys travel as parameters, never as text.

import { HalflapError, HOME_SCHEMA, releaseSchema } from '@halflap/protocol';
import type { Bundle, KeyColumn } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { integer, join, name, type Sql, sql, trusted } from '../sql.js';

/** The floor release's own schema on this shard, and the tables that are in it. */
export interface FloorTables {
  /** Hash of the bundle, which its objects carry in their comments. */
  readonly hash: string;
  readonly schema: string;
  readonly tables: ReadonlySet<string>;
}

/** Key values as PostgreSQL prints them, in the order of the key columns. */
export type KeyValues = readonly string[];

/** Half-open: keys above `lower` up to and with `upper`; null is no bound. */
export interface KeyRange {
  readonly lower: KeyValues | null;
  readonly upper: KeyValues | null;
}

export interface Filled {
  readonly text: string;
  readonly values: readonly string[];
}

const FLOOR_HOLE = /\{\{floor:([^{}]+)\}\}/g;
const SCHEMA_HOLE = /\{\{schema:([^{}]+)\}\}/g;
const RANGE_HOLE = /\{\{range:([^{}]+)\}\}/g;

/** Looks up which tables of the bundle's floor release live in that release's own schema. */
export async function readFloorTables(session: Session, bundle: Bundle): Promise<FloorTables> {
  const schema = releaseSchema(bundle.app, bundle.from.version);
  const rows = await session.query<{ relname: string }>(
    `select c.relname from pg_catalog.pg_class c
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p')`,
    [schema],
  );
  return { hash: bundle.hash, schema, tables: new Set(rows.map((row) => row.relname)) };
}

/** The qualified name of a table of the floor release on this shard. */
export function floorTable(floor: FloorTables, table: string): Sql {
  return name(floorSchema(floor, table), table);
}

/** The schema of a table of the floor release on this shard. */
export function floorSchema(floor: FloorTables, table: string): string {
  return floor.tables.has(table) ? floor.schema : HOME_SCHEMA;
}

/** Fills `{{floor:NAME}}`, `{{schema:NAME}}` and `{{hash}}`. */
export function fillFloor(text: string, floor: FloorTables): string {
  return text
    .replace(FLOOR_HOLE, (_, table: string) => floorTable(floor, table).text)
    .replace(SCHEMA_HOLE, (_, table: string) => name(floorSchema(floor, table)).text)
    .replaceAll('{{hash}}', floor.hash);
}

/** The schema of an index: as given, or that of the table that a `{{schema:NAME}}` hole names. */
export function fillSchema(schema: string, floor: FloorTables): string {
  return schema.replace(SCHEMA_HOLE, (_, table: string) => floorSchema(floor, table));
}

/** @throws BUNDLE_INVALID when a hole of an unknown kind, or one out of place, is left. */
export function assertFilled(text: string, step: string): string {
  const left = /\{\{[^{}]*\}\}/.exec(text);
  if (left === null) return text;
  throw new HalflapError('BUNDLE_INVALID', `step ${step} holds ${left[0]}, which nothing fills`, {
    detail: { step },
    hint: 'build the bundle again with the version of Halflap that runs it',
  });
}

/** Fills `{{range:ALIAS}}` and gives the parameters; none when the text has no such hole. */
export function fillRange(text: string, key: readonly KeyColumn[], range: KeyRange): Filled {
  let isUsed = false;
  const filled = text.replace(RANGE_HOLE, (_, alias: string) => {
    isUsed = true;
    return rangeCondition(alias, key, range).text;
  });
  return { text: filled, values: isUsed ? rangeValues(range) : [] };
}

/** The parameters of rangeCondition, in its order. */
export function rangeValues(range: KeyRange): readonly string[] {
  return [...(range.lower ?? []), ...(range.upper ?? [])];
}

/**
 * `("s"."a", "s"."b") > ($1::int, $2::text) and ("s"."a", "s"."b") <= ($3::int, $4::text)`, less what
 * is unbounded. A row comparison is what a b-tree index on the key columns can serve whole.
 */
export function rangeCondition(alias: string, key: readonly KeyColumn[], range: KeyRange): Sql {
  const columns = row(key.map((column) => name(alias, column.name)));
  const parameters = (first: number) =>
    row(key.map((column, at) => sql`$${integer(first + at)}::${trusted(column.type)}`));
  const lower = range.lower === null ? [] : [sql`${columns} > ${parameters(1)}`];
  const next = range.lower === null ? 1 : key.length + 1;
  const upper = range.upper === null ? [] : [sql`${columns} <= ${parameters(next)}`];
  const both = [...lower, ...upper];
  return both.length === 0 ? sql`true` : sql`(${trusted(join(both, ' and '))})`;
}

function row(parts: readonly Sql[]): Sql {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : sql`(${parts})`;
}
