// partition_rows and unite_tables: the rows of one table ⇄ shared out among several.
//
// whole(k, kind, a) ⇄ one(k, a) when … · other(k, a) when …
//
// Which side is old makes the kind; the queries are the same. Every row keeps its key, so the keys
// of the several tables must not collide: a row that would be in two of them is refused.

import { assigned } from '../compile/assigned.js';
import type { PairedTable, SlicedLayout } from '../compile/layout.js';
import { newRelation, oldRelation } from '../compile/mapping.js';
import { refuse } from '../compile/refuse.js';
import type { Column, Table } from '../release/catalog.js';
import type { Evolution, PartitionRows, ShareOfRows, UniteTables } from '../release/evolution.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { joined, sql, trusted } from '../sql.js';
import { columnOf } from './cluster-mappings.js';
import {
  backwardValues,
  forwardValues,
  readColumns,
  selected,
  type Value,
} from './plain-values.js';
import { type OldName, primaryKeyOf, type Sliced, type SlicedTable } from './sliced.js';

interface Share {
  readonly share: ShareOfRows;
  readonly table: Table;
  /** Columns of the whole, over an alias `s` of this table. */
  readonly toWhole: readonly Value[];
  /** Columns of this table, over an alias `w` of the whole. */
  readonly fromWhole: readonly Value[];
}

export function shareTables(
  layout: SlicedLayout,
  change: PartitionRows | UniteTables,
  evolution: Evolution,
): Sliced {
  const isPartition = change.kind === 'partition_rows';
  const list = isPartition ? change.into : change.from;
  const whole = (isPartition ? layout.olds[0] : layout.news[0]) as Table;
  const tables = isPartition ? layout.news : layout.olds;
  const shares = list.map((share): Share => {
    const table = tables.find((one) => one.name === share.table) as Table;
    const pair = layout.pairsOf(isPartition ? whole : table, isPartition ? table : whole);
    return shareOf({ share, table, whole, pair, isPartition });
  });
  assertFilled(shares, whole, evolution);
  const relation = (side: 'whole' | 'share') =>
    (side === 'whole') === isPartition ? oldRelation : newRelation;
  const wholeTable = wholeOf(change, whole, shares, relation('share'));
  const shareTables = shares.map((one) => shareTable(one, whole, relation('whole')));
  const common = {
    kind: change.kind,
    at: change.at,
  };
  if (isPartition) {
    const news = shareTables.map((one, index) => ({
      ...one,
      pair: layout.pairsOf(whole, one.table),
      ...originsOf([[whole, shares[index]?.fromWhole ?? []]]),
      isBase: true,
      notes: [`has a row when ${shares[index]?.share.when.sql}`, UNSHARED],
    }));
    // Nothing proves that each row is in one of the tables.
    return { ...common, olds: [wholeTable], news, isLossy: true };
  }
  const [first] = shares as [Share, ...Share[]];
  const origins = originsOf(shares.map((one) => [one.table, one.toWhole] as const));
  const news = {
    ...wholeTable,
    pair: layout.pairsOf(first.table, whole),
    ...origins,
    // What holds for one of the tables need not hold for all.
    plain: new Map(),
    isBase: true,
    notes: [
      ...shares.map(
        ({ table, share }) => `the rows of ${table.name} are those with ${share.when.sql}`,
      ),
      ...(isToldByKey(whole, shares) ? [] : [MEETING]),
    ],
  };
  return { ...common, olds: shareTables, news: [news], isLossy: false };
}

/** Whether the key itself tells from which table a row is: by a column with another value each. */
function isToldByKey(whole: Table, shares: readonly Share[]): boolean {
  return primaryKeyOf(whole).some((column) => {
    const values = shares.map(({ share }) => share.values[column]?.sql);
    return !values.includes(undefined) && new Set(values).size === values.length;
  });
}

const MEETING = 'warning: a key that several of them have cannot be two rows: expand stops there';

const UNSHARED = 'a row for which no condition holds is no row for the new release';

interface Sharing {
  readonly share: ShareOfRows;
  readonly table: Table;
  readonly whole: Table;
  readonly pair: PairedTable;
  readonly isPartition: boolean;
}

function shareOf({ share, table, whole, pair, isPartition }: Sharing): Share {
  const fromWhole = isPartition ? forwardValues(pair, 'w') : backwardValues(pair, 'w');
  const told = isPartition ? backwardValues(pair, 's') : forwardValues(pair, 's');
  const stated = Object.entries(share.values).map(
    ([column, value]): Value => ({
      column,
      value: assigned(trusted(value.sql), columnOf(whole, column), pair.bases),
      reads: [],
      copy: null,
    }),
  );
  const isStated = new Set(stated.map((one) => one.column));
  const toWhole = [...told.filter((one) => !isStated.has(one.column)), ...stated];
  return { share, table, toWhole, fromWhole };
}

/** What one of the tables says of the whole's rows and is not null there, all must say. */
function assertFilled(shares: readonly Share[], whole: Table, evolution: Evolution): void {
  const gives = ({ toWhole }: Share, { name: column }: Column) =>
    toWhole.some((one) => one.column === column);
  const needed = whole.columns.filter(
    (column) => column.notNull && shares.some((one) => gives(one, column)),
  );
  const found = shares.flatMap((one) =>
    needed.filter((column) => !gives(one, column)).map((column) => [one, column] as const),
  );
  const [first] = found;
  if (first === undefined) return;
  const [{ share, table }, lacking] = first;
  const isKey = primaryKeyOf(whole).includes(lacking.name);
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `column ${whole.name}.${lacking.name} is ${isKey ? 'the key' : 'not null'}, ` +
      `and nothing says what it holds in rows of ${table.name}`,
    hint: isKey
      ? `call the key of ${table.name} ${lacking.name}, or state a rename_column`
      : `state it: ${table.name}: { …, values: { ${lacking.name}: <a constant> } }`,
    at: share.at,
  });
}

/** Columns that all tables give, each in the same place of the union. */
function wholeOf(
  { at }: PartitionRows | UniteTables,
  whole: Table,
  shares: readonly Share[],
  relation: typeof oldRelation,
): SlicedTable {
  const given = shares.map((one) => new Map(one.toWhole.map((value) => [value.column, value])));
  const columns = whole.columns.filter((column) => given.some((one) => one.has(column.name)));
  const inOrder = (index: number) =>
    columns.map((column): Value => {
      const found = given[index]?.get(column.name);
      // Elsewhere it has a value, here nothing says which.
      const none = trusted(`null::${column.type}`);
      return found ?? { column: column.name, value: none, reads: [], copy: null };
    });
  return {
    at,
    table: whole,
    slice: primaryKeyOf(whole),
    via: null,
    columns: columns.map((one) => one.name),
    query: (bind) =>
      joined(
        shares.map(
          (one, index) =>
            sql`${selected(inOrder(index))} from ${bind(relation(one.table.name))} as s`,
        ),
        ' union all ',
      ),
    reads: new Map(shares.map((one) => [one.table.name, readColumns(one.toWhole)])),
  };
}

function shareTable(
  { share, table, fromWhole }: Share,
  whole: Table,
  relation: typeof oldRelation,
): SlicedTable {
  const when = trusted(bindColumns(share.when.sql, (column) => ({ qualifier: 'w', column })));
  return {
    at: share.at,
    table,
    slice: primaryKeyOf(table),
    via: null,
    columns: fromWhole.map((one) => one.column),
    query: (bind) =>
      sql`${selected(fromWhole)} from ${bind(relation(whole.name))} as w where (${when})`,
    reads: new Map([
      [whole.name, [...new Set([...readColumns(fromWhole), ...columnsOf(share.when.sql)])]],
    ]),
  };
}

function originsOf(from: readonly (readonly [Table, readonly Value[]])[]) {
  const sources = new Map<string, OldName[]>();
  const plain = new Map<string, string>();
  for (const [table, values] of from) {
    for (const { column, reads, copy } of values) {
      const names = reads.map((one) => ({ table: table.name, column: one }));
      sources.set(column, [...(sources.get(column) ?? []), ...names]);
      if (copy !== null) plain.set(column, copy);
    }
  }
  return { sources, plain };
}
