// Sequences through an evolution. A column that is the same in both releases and draws from a
// sequence draws from one and the same sequence until contract, or the two releases would give out
// the same keys; contract hands it over. Sequences that only the new release has are made in its
// schema.

import type { SplitPartPlan } from '../changes/split-table.js';
import type { Catalog, Column } from '../release/catalog.js';
import { literal, name, type Sql, sql } from '../sql.js';
import type { Statement } from './bundle.js';
import type { PairedTable } from './layout.js';
import { fenced, inRelease, type Places, relationOf, work } from './places.js';
import { statement } from './statement.js';
import { identityOf } from './tables.js';

/**
 * The old column whose sequence serves the new column too; null when it has one of its own or none.
 */
export function sharedSequenceSource(part: SplitPartPlan, column: Column): string | null {
  if (!drawsFromSequence(column)) return null;
  const source =
    part.key.find((one) => one.new.name === column.name)?.old ??
    part.mapped.find((one) => one.column.name === column.name)?.source;
  const old = part.pair.old.columns.find((one) => one.name === source);
  return old !== undefined && drawsFromSequence(old) ? old.name : null;
}

export function drawsFromSequence(column: Column): boolean {
  return column.identity !== null || column.default?.startsWith('nextval(') === true;
}

/**
 * A function that draws from the old column's sequence, whatever that is called. With the engine's
 * own rights, since an identity column asks no right on its sequence of whoever inserts.
 */
export function drawFunction(
  places: Places,
  { table, column, at }: { readonly table: string; readonly column: string; readonly at: Sql },
): Statement {
  return statement(sql`do $halflap$
begin
  execute format(
    'create or replace function %s() returns bigint language plpgsql security definer '
    'set search_path = pg_catalog, pg_temp '
    'as $draw$ begin return nextval(%L::regclass); end $draw$',
    ${literal(drawName(places, table, column).text)},
    pg_get_serial_sequence($name$${at}$name$, ${literal(column)})
  );
end
$halflap$`);
}

/** The default that draws from the shared sequence. */
export function drawDefault(places: Places, oldTable: string, oldColumn: string): Sql {
  return sql`${drawName(places, oldTable, oldColumn)}()`;
}

function drawName(places: Places, oldTable: string, oldColumn: string): Sql {
  return work(places, 'draw', oldTable, oldColumn);
}

/** Sequences of the new release that a column of the part owns and shares with nothing. */
export function newSequences(
  part: SplitPartPlan,
  to: Catalog,
): { readonly sequence: string; readonly column: string }[] {
  return part.table.columns.flatMap((column) => {
    if (sharedSequenceSource(part, column) !== null) return [];
    const owner = `${part.table.name}.${column.name}`;
    const found = to.sequences.find((one) => one.ownedBy === owner);
    return found === undefined ? [] : [{ sequence: found.name, column: column.name }];
  });
}

/** Names of sequences of the new release that exist already, under the old release's name. */
export function inheritedSequences(
  parts: readonly SplitPartPlan[],
  pairs: readonly PairedTable[],
  to: Catalog,
): Set<string> {
  const ofPairs = pairs.flatMap((pair) =>
    pair.forward.flatMap(({ column, source }) => {
      const old = pair.old.columns.find((one) => one.name === source);
      if (old === undefined || !drawsFromSequence(old) || !drawsFromSequence(column)) return [];
      const owner = `${pair.new.name}.${column.name}`;
      return to.sequences.filter((one) => one.ownedBy === owner).map((one) => one.name);
    }),
  );
  return new Set(
    ofPairs.concat(
      parts.flatMap((part) =>
        part.table.columns.flatMap((column) => {
          if (sharedSequenceSource(part, column) === null) return [];
          const owner = `${part.table.name}.${column.name}`;
          return to.sequences.filter((one) => one.ownedBy === owner).map((one) => one.name);
        }),
      ),
    ),
  );
}

/** At contract: the sequence of the fenced table becomes the new one's, and goes on where it is. */
export function handOver(
  part: SplitPartPlan,
  oldTable: string,
  to: Catalog,
  places: Places,
): Statement[] {
  const at = inRelease(places, part.table.name);
  return part.table.columns.flatMap((column) => {
    const source = sharedSequenceSource(part, column);
    if (source === null) return [];
    const of = sql`pg_get_serial_sequence($r$${fenced(places, oldTable)}$r$, ${literal(source)})`;
    if (column.identity !== null) return handOverIdentity(at, column, of);
    const owner = `${part.table.name}.${column.name}`;
    const called = to.sequences.find((one) => one.ownedBy === owner)?.name;
    return called === undefined ? [] : [serialOf(at, column, { of, called, places })];
  });
}

function handOverIdentity(at: Sql, column: Column, of: Sql): Statement[] {
  const altered = sql`alter table ${at} alter column ${name(column.name)}`;
  return [
    statement(sql`${altered} drop default`),
    statement(sql`${altered} add ${identityOf(column)}`),
    statement(sql`do $halflap$
declare
  position record;
begin
  execute 'select last_value, is_called from ' || ${of} into position;
  perform setval(pg_get_serial_sequence($r$${at}$r$, ${literal(column.name)}),
    position.last_value, position.is_called);
end
$halflap$`),
  ];
}

function serialOf(
  at: Sql,
  column: Column,
  { of, called, places }: { readonly of: Sql; readonly called: string; readonly places: Places },
): Statement {
  const schema = literal(places.releaseSchema);
  return statement(
    sql`do $halflap$
declare
  owned text := ${of};
  former name := (
    select pg_get_userbyid(c.relowner) from pg_class as c where c.oid = owned::regclass
  );
  owner name := (
    select pg_get_userbyid(c.relowner) from pg_class as c where c.oid = $r$${at}$r$::regclass
  );
begin
  execute format('alter sequence %s owned by none', owned);
  if former <> owner then
    execute format('alter sequence %s owner to %I', owned, owner);
    execute format('grant all on sequence %s to %I', owned, former);
  end if;
  -- Its old name may be another's in the new schema.
  execute format('alter sequence %s rename to halflap_sequence', owned);
  execute format('alter sequence %I.halflap_sequence set schema %I',
    (parse_ident(owned))[1], ${schema});
  execute format('alter sequence %I.halflap_sequence rename to %I', ${schema}, ${literal(called)});
  execute format('alter sequence %I.%I owned by %s.%I',
    ${schema}, ${literal(called)}, $r$${at}$r$, ${literal(column.name)});
  execute format('alter table %s alter column %I set default nextval(%L::regclass)',
    $r$${at}$r$, ${literal(column.name)}, format('%I.%I', ${schema}, ${literal(called)}));
end
$halflap$`,
    { mode: 'ACCESS EXCLUSIVE', relation: relationOf(at) },
  );
}
