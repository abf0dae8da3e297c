// Sequences through an evolution. A column that is the same in both releases and draws from a
// sequence draws from one and the same sequence until contract, or the two releases would give out
// the same keys; contract hands it over (sequence-contract.ts). Sequences that only the new release
// has are made in its schema.

import type { SplitCluster, SplitPartPlan } from '../changes/split-table.js';
import type { Column, Sequence } from '../release/catalog.js';
import { literal, name, type Sql, sql, trusted } from '../sql.js';
import type { Statement } from './bundle.js';
import { usageOfSequence } from './grants.js';
import { type Places, work } from './places.js';
import { statement } from './statement.js';

/** An old column, and the table that it is of. */
export interface Source {
  readonly table: string;
  readonly column: string;
}

/**
 * The old column whose sequence serves the new column too; null when it has one of its own or none.
 * A column that follows by a query is taken for a copy where it is called as one in the old table
 * that its table comes from; but not where a map says what becomes of that table's keys.
 */
export function sharedSequenceSource(
  cluster: SplitCluster,
  part: SplitPartPlan,
  column: Column,
): Source | null {
  if (!drawsFromSequence(column) || isMapped(cluster, part, column)) return null;
  const { old } = part.pair;
  const key = part.key.find((one) => one.new.name === column.name)?.old;
  const up = part.mapped.find((one) => one.column.name === column.name)?.up;
  const copied = part.origin?.columns.get(column.name) ?? [];
  // A number of another type is the same number.
  const isSource = ({ name: from }: Column) =>
    from === key ||
    up === name(from).text ||
    up === `(${name(from).text})::${column.type}` ||
    copied.some((one) => part.origin?.tables[one.place] === old.name && one.column === from);
  const source = old.columns.find(isSource);
  if (source === undefined || !drawsFromSequence(source)) return null;
  return { table: cluster.sliced === null ? cluster.id : old.name, column: source.name };
}

function isMapped({ keys }: SplitCluster, { table, pair }: SplitPartPlan, column: Column) {
  return keys.some(
    (one) =>
      one.table === table &&
      one.old === pair.old &&
      one.newKey.some((key) => key.column.name === column.name),
  );
}

export function drawsFromSequence(column: Column): boolean {
  return column.identity !== null || sequenceName(column) !== null;
}

/** The sequence that the default draws from, as the release calls it; null for an identity. */
export function sequenceName({ default: value }: Column): string | null {
  const printed = /^nextval\('((?:[^']|'')+)'::regclass\)$/.exec(value ?? '')?.[1];
  if (printed === undefined) return null;
  const plain = printed.replaceAll("''", "'");
  return plain.startsWith('"') ? plain.slice(1, -1).replaceAll('""', '"') : plain;
}

/**
 * A function that draws from the old column's sequence, whatever that is called. With the engine's
 * own rights, since an identity column asks no right on its sequence of whoever inserts.
 */
export function drawFunction(places: Places, source: Source, at: Sql): Statement {
  return statement(sql`do $halflap$
begin
  execute format(
    'create or replace function %s() returns bigint language plpgsql security definer '
    'set search_path = pg_catalog, pg_temp '
    'as $draw$ begin return nextval(%L::regclass); end $draw$',
    ${literal(drawName(places, source).text)},
    ${sequenceOf(at, source.column)}
  );
end
$halflap$`);
}

/** The default that draws from the shared sequence. */
export function drawDefault(places: Places, source: Source): Sql {
  return sql`${drawName(places, source)}()`;
}

function drawName(places: Places, { table, column }: Source): Sql {
  return work(places, 'draw', table, column);
}

/**
 * The qualified name of the sequence that a column draws from, whoever owns it: an expression,
 * which is null where there is none.
 */
export function sequenceOf(table: Sql, column: string): Sql {
  return sql`coalesce(
    (
      select format('%I.%I', n.nspname, s.relname)
      from pg_attribute as a
      join pg_attrdef as f on f.adrelid = a.attrelid and f.adnum = a.attnum
      join pg_depend as d on d.classid = 'pg_attrdef'::regclass and d.objid = f.oid
      join pg_class as s on s.oid = d.refobjid and s.relkind = 'S'
      join pg_namespace as n on n.oid = s.relnamespace
      where d.refclassid = 'pg_class'::regclass
        and a.attrelid = $r$${table}$r$::regclass and a.attname = ${literal(column)}
    ),
    pg_get_serial_sequence($r$${table}$r$, ${literal(column)})
  )`;
}

/** `create sequence`, for whoever may insert into the tables that draw from it. */
export function createSequence(
  at: Sql,
  one: Sequence,
  isMade: 'new' | 'once' = 'new',
): Statement[] {
  const unless = isMade === 'once' ? sql`if not exists ` : sql``;
  const options = one.options === null ? sql`` : sql` ${trusted(one.options)}`;
  return [
    statement(
      sql`create sequence ${unless}${at} as ${trusted(one.type)}
start ${trusted(one.start)} increment ${trusted(one.increment)}${options}`,
    ),
    usageOfSequence(at),
  ];
}
