// Which rows that the new release ships an upgrade carries to a shard, and into which table.
//
// | rows of …                                   | come            | and release 1.0          |
// |---------------------------------------------|-----------------|--------------------------|
// | a table that only the new release has       | with prepare    | knows nothing of them    |
// | any other table whose rows cross one by one | with prepare    | sees them, as it sees    |
// |                                             | through the lens| all that 2.0 writes      |
// | a table whose rows are made of several, and | with an install | –                        |
// | where the release does not state their keys |                 |                          |
//
// A row of the customer is never written over: one that only the new release ships is added where
// none has its key, one that both ship is changed where it is as the old release has shipped it.

import { findColumn, isSameSet, type Table } from '../release/catalog.js';
import type { Shipped, ShippedRow, ShippedTable } from '../release/shipped.js';
import type { Sql } from '../sql.js';
import { physicalName } from './classify.js';
import type { Evolving } from './compile.js';
import { floorTable, inRelease } from './places.js';

export interface ShippedPlan {
  readonly carried: readonly CarriedTable[];
  /** Tables of the new release whose rows only an install brings, and why. */
  readonly left: readonly { readonly table: string; readonly rows: number; readonly why: string }[];
}

export interface CarriedTable {
  readonly table: Table;
  /** What a session of the new release sees on a prepared shard. */
  readonly at: Sql;
  readonly key: readonly string[];
  readonly columns: readonly string[];
  /** Rows that only the new release ships. */
  readonly added: readonly ShippedRow[];
  /** Rows that both ship, but for those that are known to be the same in both. */
  readonly changed: readonly ShippedRow[];
  /** Tables of the old release that hold what is written here; none for an added table. */
  readonly olds: readonly CarriedOld[];
  /** Columns with a sequence, with the last value that the release has drawn. */
  readonly drawn: Readonly<Record<string, string>>;
}

export interface CarriedOld {
  readonly table: Table;
  /** In the order of the new key. */
  readonly key: readonly string[];
  /** What the old release ships of it; null for nothing. */
  readonly shipped: ShippedTable | null;
}

type Input = Omit<Evolving, 'shipped' | 'foreignKeys'>;

export function shippedPlan(input: Input, from: Shipped, to: Shipped): ShippedPlan {
  const all = to.tables.filter(isNews(from)).map((one) => planned(input, one, from));
  return {
    carried: all.flatMap((one) => ('at' in one ? [one] : [])),
    left: all.flatMap((one) => ('why' in one ? [one] : [])),
  };
}

/** Whether the old release has not shipped just the same under that name. */
function isNews({ tables }: Shipped): (one: ShippedTable) => boolean {
  return (one) => {
    const old = tables.find((other) => other.table === one.table);
    return JSON.stringify(old) !== JSON.stringify(one);
  };
}

type Planned = CarriedTable | ShippedPlan['left'][number];

function planned(input: Input, shipped: ShippedTable, from: Shipped): Planned {
  const { table: name, rows, unkeyed, drawn } = shipped;
  if (unkeyed !== null) return { table: name, rows: rows.length, why: unkeyed };
  const place = placeOf(input, name, from);
  if (place === null) return { table: name, rows: rows.length, why: 'they are made of several' };
  const columns = shipped.columns.filter((one) => !place.generated.includes(one));
  const key = place.key.map((one) => columns.indexOf(one));
  if (key.includes(-1)) return { table: name, rows: rows.length, why: 'their keys are drawn' };
  const at = shipped.columns.map((one, index) => [one, index] as const);
  const own = rows.map((row) =>
    at.filter(([one]) => columns.includes(one)).map(([, index]) => row[index] ?? null),
  );
  const isBoth = (row: ShippedRow) =>
    place.olds.some(
      (old) =>
        formerRow(
          old,
          key.map((one) => row[one] ?? null),
        ) !== null,
    );
  const isSame = (row: ShippedRow) =>
    place.olds.every((old) => saysTheSame(old, columns, row, key));
  return {
    table: place.table,
    at: place.at,
    key: place.key,
    columns,
    added: own.filter((row) => !isBoth(row)),
    changed: own.filter((row) => isBoth(row) && !isSame(row)),
    olds: place.olds,
    drawn: Object.fromEntries(
      Object.entries(drawn).filter(([column, last]) => !isDrawnAlready(place, column, last)),
    ),
  };
}

/** The old release has come so far with the sequence that goes on. */
function isDrawnAlready({ key, olds }: Place, column: string, last: string): boolean {
  return olds.some(
    ({ key: oldKey, shipped }) => shipped?.drawn[oldKey[key.indexOf(column)] ?? ''] === last,
  );
}

/** The row of the old release under the key of one of the new. */
function formerRow({ key, shipped }: CarriedOld, values: ShippedRow): ShippedRow | null {
  if (shipped === null || shipped.unkeyed !== null) return null;
  const at = key.map((one) => shipped.columns.indexOf(one));
  const found = shipped.rows.find((row) => at.every((one, index) => row[one] === values[index]));
  return found ?? null;
}

/** Known to, where columns are called as they were; what is converted is asked on the shard. */
function saysTheSame(
  old: CarriedOld,
  columns: readonly string[],
  row: ShippedRow,
  key: readonly number[],
): boolean {
  const former = formerRow(
    old,
    key.map((one) => row[one] ?? null),
  );
  const said = old.shipped?.columns ?? [];
  return (
    former !== null &&
    isSameSet(said, columns) &&
    columns.every((one, index) => former[said.indexOf(one)] === row[index])
  );
}

interface Place {
  readonly table: Table;
  readonly at: Sql;
  readonly key: readonly string[];
  /** Columns that follow from the key while the lens stands. */
  readonly generated: readonly string[];
  readonly olds: readonly CarriedOld[];
}

function placeOf({ clusters, shared, layout, places }: Input, wanted: string, from: Shipped) {
  const oldOf = (table: Table, key: readonly string[]): CarriedOld => ({
    table,
    key,
    shipped: from.tables.find((one) => one.table === table.name) ?? null,
  });
  const added = layout.added.find((one) => one.name === wanted);
  if (added !== undefined) return placed(added, inRelease(places, wanted), []);
  const found = shared.find((one) => one.pair.new.name === wanted);
  if (found !== undefined) {
    const { pair, kind } = found;
    const key = (pair.new.primaryKey?.columns ?? []).map((one) => physicalName(pair, one));
    const at = kind === 'overlay' ? inRelease(places, wanted) : floorTable(pair.old.name);
    const isThere = key.every((one) => findColumn(pair.old, one) !== undefined);
    return isThere ? placed(pair.new, at, [oldOf(pair.old, key)]) : null;
  }
  for (const { cluster } of clusters) {
    const part = cluster.parts.find((one) => one.table.name === wanted);
    if (part === undefined || cluster.sliced !== null) continue;
    return {
      table: part.table,
      at: inRelease(places, wanted),
      key: part.key.map((one) => one.new.name),
      generated: part.generated.map((one) => one.name),
      olds: cluster.olds.map((one) => oldOf(one.table, one.key)),
    };
  }
  return null;
}

function placed(table: Table, at: Sql, olds: readonly CarriedOld[]): Place {
  return { table, at, key: table.primaryKey?.columns ?? [], generated: [], olds };
}
