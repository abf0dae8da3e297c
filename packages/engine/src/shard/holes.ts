// Fills the holes that a bundle leaves for the shard at hand (compile/bundle.ts): where a table of
// the floor release lives, and the key range of a batch.
//
// Invariant: filled text has no hole left, and names and key values are quoted by the sql tag.

import { fillFloorHoles, HalflapError, HOME_SCHEMA, releaseSchema } from '@halflap/protocol';
import type { Bundle, KeyColumn } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { join, literal, name, type Sql, sql, trusted } from '../sql.js';

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

const SCHEMA_HOLE = /\{\{schema:([^{}]+)\}\}/g;
/** `{{word:…}}` only: `'{{1,2}}'` is an array of an application. */
const UNKNOWN_HOLE = /\{\{[a-z]+:[^{}]*\}\}/;
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
  return fillFloorHoles(text, floor.hash, (table) => floorSchema(floor, table));
}

/**
 * For people who have no shard at hand: tables of the floor release where a fresh install has them,
 * and words for the keys of a batch.
 */
export function fillForPeople(text: string, bundle: Bundle): string {
  const schema = releaseSchema(bundle.app, bundle.from.version);
  const atHome = { hash: bundle.hash, schema, tables: new Set<string>() };
  return fillFloor(text, atHome).replace(RANGE_HOLE, '<keys of the batch>');
}

/** The schema of an index: as given, or that of the table that a `{{schema:NAME}}` hole names. */
export function fillSchema(schema: string, floor: FloorTables): string {
  return schema.replace(SCHEMA_HOLE, (_, table: string) => floorSchema(floor, table));
}

/** @throws BUNDLE_INVALID when a hole of an unknown kind, or one out of place, is left. */
export function assertFilled(text: string, step: string): string {
  const left = UNKNOWN_HOLE.exec(text);
  if (left === null) return text;
  throw new HalflapError('BUNDLE_INVALID', `step ${step} holds ${left[0]}, which nothing fills`, {
    detail: { step },
    hint: 'build the bundle again with the version of Halflap that runs it',
  });
}

/** Fills `{{range:ALIAS}}`, as often as it stands there. */
export function fillRange(text: string, key: readonly KeyColumn[], range: KeyRange): string {
  return text.replace(RANGE_HOLE, (_, alias: string) => rangeCondition(alias, key, range).text);
}

/**
 * `("s"."a", "s"."b") > ('1'::int, 'x'::text) and ("s"."a", "s"."b") <= ('2'::int, 'y'::text)`,
 * less what is unbounded. A row comparison is what a b-tree index on the key columns can serve
 * whole. Where the columns come from several relations it serves none, but a bound on the first one
 * alone does. The values are literals, because a message of several statements takes no parameters.
 */
export function rangeCondition(alias: string, key: readonly KeyColumn[], range: KeyRange): Sql {
  const columns = row(key.map((column) => name(alias, column.name)));
  const bound = (values: KeyValues) =>
    row(key.map((column, at) => sql`${literal(values[at] ?? '')}::${trusted(column.type)}`));
  const [first, ...others] = key;
  const ofFirst = (operator: Sql, values: KeyValues) => {
    if (first === undefined || others.length === 0) return [];
    const value = sql`${literal(values[0] ?? '')}::${trusted(first.type)}`;
    return [sql`${name(alias, first.name)} ${operator} ${value}`];
  };
  const lower =
    range.lower === null
      ? []
      : [...ofFirst(sql`>=`, range.lower), sql`${columns} > ${bound(range.lower)}`];
  const upper =
    range.upper === null
      ? []
      : [...ofFirst(sql`<=`, range.upper), sql`${columns} <= ${bound(range.upper)}`];
  const both = [...lower, ...upper];
  return both.length === 0 ? sql`true` : sql`(${trusted(join(both, ' and '))})`;
}

function row(parts: readonly Sql[]): Sql {
  return parts.length === 1 && parts[0] !== undefined ? parts[0] : sql`(${parts})`;
}
