// merge_tables where each of the tables may have rows that the others lack: a full outer join.
//
// one(k, a) · other(k, b) ⇄ whole(k, a, b), a row for every key that any of the tables has
//
// No table is the base, so rows are carried by slices: the key, with its row in each of them.

import type { ForwardColumn, PairedTable, SlicedLayout } from '../compile/layout.js';
import { newRelation, oldRelation } from '../compile/mapping.js';
import { refuse } from '../compile/refuse.js';
import type { Table } from '../release/catalog.js';
import type { Evolution, MergedTable, MergeTables } from '../release/evolution.js';
import { bindColumns, columnsOf } from '../release/expression.js';
import { joined, name, sql, trusted } from '../sql.js';
import { isNotNullAlone } from './expression-shape.js';
import { valueWithoutRow, whenOf } from './merge-tables.js';
import {
  backwardValues,
  forwardValues,
  readColumns,
  selected,
  type Value,
} from './plain-values.js';
import { type OldName, primaryKeyOf, type Sliced, type SlicedTable } from './sliced.js';

/** One of the tables that become one. */
interface Merged {
  readonly declared: MergedTable;
  readonly pair: PairedTable;
  /** Its columns that hold the key of the whole, in that order. */
  readonly key: readonly string[];
  /** Which rows of the whole have one here, over the whole's columns. */
  readonly when: string;
  /** Under which alias the whole's query reads it. */
  readonly alias: string;
}

export function outerMergeTables(
  { olds, news, pairsOf }: SlicedLayout,
  change: MergeTables,
  evolution: Evolution,
): Sliced {
  const whole = news[0] as Table;
  const all = change.from.map((declared, index): Merged => {
    const pair = pairsOf(olds[index] as Table, whole);
    const key = keyOf(declared, pair, evolution);
    const when = declared.when?.sql ?? whenOf(pair);
    if (when === null) throw untold(declared, whole, evolution);
    return { declared, pair, key, when, alias: `s${index}` };
  });
  const columns = wholeColumns(all, whole, { change, evolution });
  return {
    kind: change.kind,
    at: change.at,
    olds: all.map((one) => oldTable(one, whole)),
    news: [
      {
        ...newTable(all, columns, change, whole),
        pair: all[0]?.pair as PairedTable,
        plain: new Map(),
        sources: sourcesOf(all, whole, columns),
        isBase: true,
        notes: [
          'a row for every key that any of them has',
          ...all.map(
            ({ declared, when }) => `the rows of ${declared.table} are those with ${when}`,
          ),
        ],
      },
    ],
    isLossy: !all.every(hasEveryRow),
  };
}

/** Whether `when` says what holds for each of the table's rows. */
function hasEveryRow({ pair: { old, forward }, when }: Merged): boolean {
  const filled = forward.filter(({ source }) =>
    old.columns.some((one) => one.notNull && one.name === source),
  );
  return isNotNullAlone(when, new Set(filled.map((one) => one.column.name)));
}

function keyOf(
  declared: MergedTable,
  { old, forward, new: whole }: PairedTable,
  evolution: Evolution,
) {
  const own = primaryKeyOf(whole).map(
    (column) => forward.find((one) => one.column.name === column)?.source ?? null,
  );
  const key = own.filter((column) => column !== null);
  const primaryKey = primaryKeyOf(old);
  const isKey = key.length === primaryKey.length && key.every((one) => primaryKey.includes(one));
  if (isKey && key.length === own.length && declared.key === null) return key;
  throw refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message:
      `the primary key of ${old.name} does not stand for ` +
      `${whole.name} (${primaryKeyOf(whole).join(', ')}) with the same names and types`,
    hint:
      declared.key === null
        ? `call it the same, or state a rename_column of ${old.name} for each column of the key`
        : `state a rename_column in place of "key", where no table is the first`,
    at: declared.at,
  });
}

function untold({ table, at }: MergedTable, whole: Table, evolution: Evolution) {
  return refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message: `nothing says which rows of ${whole.name} have one in ${table}`,
    hint: `state it: ${table}: { when: <condition over the columns of ${whole.name}> }`,
    at,
  });
}

/** A column of the whole that a table gives, and what stands there without its row. */
interface WholeColumn {
  readonly of: Merged;
  readonly value: Value;
}

interface Stated {
  readonly change: MergeTables;
  readonly evolution: Evolution;
}

/** Columns but those of the key, each from the only table that has it. */
function wholeColumns(all: readonly Merged[], whole: Table, stated: Stated): WholeColumn[] {
  const key = primaryKeyOf(whole);
  return whole.columns.flatMap(({ name: column }) => {
    if (key.includes(column)) return [];
    const found = all.flatMap((one): WholeColumn[] => {
      const value = forwardValues(one.pair, one.alias).find((given) => given.column === column);
      return value === undefined ? [] : [{ of: one, value }];
    });
    const [first, second] = found;
    if (first === undefined) return [];
    if (second !== undefined) throw twice(column, [first, second], stated);
    return [{ of: first.of, value: withoutRow(first, stated) }];
  });
}

function twice(column: string, found: readonly WholeColumn[], { change, evolution }: Stated) {
  const [left = '', right = ''] = found.map(({ of }) => of.declared.table);
  return refuse(evolution, {
    code: 'EVOLUTION_INCOMPLETE',
    message: `column ${change.into}.${column} could come from ${left} or from ${right}`,
    hint:
      'say what becomes of the other one: - rename_column or drop_column: ' +
      `{ table: ${right}, column: ${column}, … }`,
    at: change.at,
  });
}

function withoutRow({ of, value }: WholeColumn, { change, evolution }: Stated): Value {
  const { declared, pair, key, alias } = of;
  const forward = pair.forward.find((one) => one.column.name === value.column) as ForwardColumn;
  const absent = valueWithoutRow({ change, evolution, declared, bases: pair.bases }, forward);
  if (absent === null) return value;
  const isMissing = sql`${name(alias, key[0] ?? '')} is null`;
  return { ...value, value: sql`case when ${isMissing} then ${absent} else ${value.value} end` };
}

function newTable(
  all: readonly Merged[],
  columns: readonly WholeColumn[],
  { at }: MergeTables,
  whole: Table,
): SlicedTable {
  const key = primaryKeyOf(whole);
  const keys = key.map((column) => sql`${name('k', column)} as ${name(column)}`);
  const values = columns.map(({ value }) => sql`${value.value} as ${name(value.column)}`);
  return {
    at,
    table: whole,
    slice: key,
    via: null,
    columns: [...key, ...columns.map(({ value }) => value.column)],
    query: (bind) => {
      const relation = ({ pair }: Merged) => bind(oldRelation(pair.old.name));
      const of = (one: Merged) =>
        one.key.map((own, place) => sql`${name('r', own)} as ${name(key[place] ?? '')}`);
      const each = all.map((one) => sql`select ${of(one)} from ${relation(one)} as r`);
      const joins = all.map((one) => {
        const on = one.key.map(
          (own, place) => sql`${name(one.alias, own)} = ${name('k', key[place] ?? '')}`,
        );
        return sql`left join ${relation(one)} as ${name(one.alias)} on ${joined(on, ' and ')}`;
      });
      return sql`select ${[...keys, ...values]} from (${joined(each, ' union ')}) as k
        ${joined(joins, ' ')}`;
    },
    reads: new Map(
      all.map((one) => {
        const own = columns.filter(({ of }) => of === one).map(({ value }) => value);
        return [one.pair.old.name, [...new Set([...one.key, ...readColumns(own)])]];
      }),
    ),
  };
}

function oldTable({ declared, pair, key, when }: Merged, whole: Table): SlicedTable {
  const given = backwardValues(pair, 'w');
  const condition = trusted(bindColumns(when, (column) => ({ qualifier: 'w', column })));
  return {
    at: declared.at,
    table: pair.old,
    slice: key,
    via: null,
    columns: given.map((one) => one.column),
    query: (bind) =>
      sql`${selected(given)} from ${bind(newRelation(whole.name))} as w where (${condition})`,
    reads: new Map([[whole.name, [...new Set([...readColumns(given), ...columnsOf(when)])]]]),
  };
}

function sourcesOf(all: readonly Merged[], whole: Table, columns: readonly WholeColumn[]) {
  const sources = new Map<string, readonly OldName[]>();
  for (const [place, column] of primaryKeyOf(whole).entries()) {
    const of = ({ pair, key }: Merged) => ({ table: pair.old.name, column: key[place] ?? '' });
    sources.set(column, all.map(of));
  }
  for (const { of, value } of columns) {
    const own = value.reads.map((column) => ({ table: of.pair.old.name, column }));
    sources.set(value.column, own);
  }
  return sources;
}
