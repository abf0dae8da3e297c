// Which values, and which rows of other tables, the SQL of an evolution looks for. A sample row
// that holds none of them would show nothing but that it is not looked for. Pure.

import type { OldName } from '../changes/sliced.js';
import type { CompileInput } from '../compile/compile.js';
import { type Catalog, findColumn, findTable, hasKey } from '../release/catalog.js';
import { comparisonsIn } from '../release/comparisons.js';
import type { Change, Custom, Expression } from '../release/evolution.js';

export interface Hint {
  /** Constants that a column is compared with. */
  readonly texts: readonly string[];
  /** Keys of other tables that it is compared with. */
  readonly like: readonly OldName[];
}

/** By table, then by column. */
export type Hints = ReadonlyMap<string, ReadonlyMap<string, Hint>>;

export const NO_HINTS: Hints = new Map();

interface Said {
  /** A SELECT over tables of the release in question; null where it is over the other's. */
  readonly text: string;
  /** The tables that a column without a table may be of. */
  readonly tables: readonly string[];
  /** The table whose columns it yields, where that is of the release in question. */
  readonly yields: string | null;
}

/** For rows of one of the two releases. */
export function hintsFor({ from, to, evolution }: CompileInput, side: 'from' | 'to'): Hints {
  const catalog = (side === 'from' ? from : to).catalog;
  const hints = new Map<string, Map<string, { texts: string[]; like: OldName[] }>>();
  const at = (table: string, column: string) => {
    const own = hints.get(table) ?? new Map<string, { texts: string[]; like: OldName[] }>();
    hints.set(table, own);
    const hint = own.get(column) ?? { texts: [], like: [] };
    own.set(column, hint);
    return hint;
  };
  if (side === 'from') {
    for (const { table, column, texts } of referredTo(evolution.changes, to.catalog)) {
      at(table, column).texts.push(...texts);
    }
  }
  for (const { text, tables, yields } of evolution.changes.flatMap((one) => saidIn(one, side))) {
    const { compared, yielded, copies } = comparisonsIn(text);
    if (yields !== null) {
      for (const [column, texts] of yielded) at(yields, column).texts.push(...texts);
      for (const [column, like] of equalsOf(catalog, yields, copies)) {
        at(yields, column).like.push(like);
      }
    }
    for (const { columns, texts } of compared) {
      const found = columns.flatMap((one) =>
        (one.table === null ? tables : [one.table]).flatMap((table) => known(catalog, table, one)),
      );
      // Compared with what the statement itself makes: which value that is, only trying tells.
      const isMade = columns.some(({ table }) => table !== null && !findTable(catalog, table));
      for (const one of texts.length > 0 || isMade ? found : []) {
        at(one.table, one.column).texts.push(...texts);
      }
      for (const [own, other] of pairsOf(found)) {
        if (!isKey(catalog, other) || isKey(catalog, own)) continue;
        at(own.table, own.column).like.push(other);
      }
    }
  }
  return hints;
}

/**
 * Constants in columns that refer to rows of the change: those rows must be there, so they are
 * looked for in the first table that the rows are made from.
 */
function referredTo(changes: readonly Change[], to: Catalog) {
  const customs = changes.filter((change) => change.kind === 'custom');
  return customs.flatMap(({ into }) =>
    into.flatMap((one) => {
      const { yielded } = comparisonsIn(one.query.query.sql);
      const keys = findTable(to, one.table)?.foreignKeys ?? [];
      return keys.flatMap(({ columns, referencedTable, referencedColumns }) => {
        const texts = yielded.get(columns[0] ?? '') ?? [];
        const target = into.find((other) => other.table === referencedTable)?.query.query;
        const [first] = target?.tables ?? [];
        if (columns.length > 1 || texts.length === 0 || first === undefined) return [];
        const source = comparisonsIn(target?.sql ?? '').copies.get(referencedColumns[0] ?? '');
        const column = source?.split('.').at(-1);
        return column === undefined ? [] : [{ table: first.table, column, texts }];
      });
    }),
  );
}

function saidIn(change: Change, side: 'from' | 'to'): Said[] {
  const conditions = (table: string, list: readonly (Expression | null)[]) =>
    list.flatMap((one): Said[] =>
      one === null ? [] : [{ text: `select ${one.sql}`, tables: [table], yields: null }],
    );
  switch (change.kind) {
    case 'custom':
      return queriesIn(change, side);
    case 'partition_rows':
    case 'split_table':
      return side === 'to'
        ? []
        : conditions(
            change.table,
            change.into.map((one) => one.when),
          );
    case 'unite_tables':
    case 'merge_tables':
      return side === 'from'
        ? []
        : conditions(
            change.into,
            change.from.map((one) => one.when),
          );
    default:
      return [];
  }
}

/** Queries over the tables of one release yield the rows of the other. */
function queriesIn({ from, into }: Custom, side: 'from' | 'to'): Said[] {
  const [own, others] = side === 'from' ? [from, into] : [into, from];
  const tables = own.map((one) => one.table);
  return [
    ...others.map((one) => ({ text: one.query.query.sql, tables, yields: null })),
    ...own.map((one) => ({ text: one.query.query.sql, tables: [], yields: one.table })),
  ];
}

/** Columns that hold the same as one that refers to a table: they have the values of its key. */
function equalsOf(
  catalog: Catalog,
  yields: string,
  copies: ReadonlyMap<string, string>,
): [string, OldName][] {
  const table = findTable(catalog, yields);
  return (table?.foreignKeys ?? []).flatMap(({ columns, referencedTable, referencedColumns }) =>
    columns.flatMap((own, place) => {
      const source = copies.get(own);
      const like = { table: referencedTable, column: referencedColumns[place] ?? '' };
      return [...copies].flatMap(([other, from]): [string, OldName][] =>
        source !== undefined && from === source && other !== own ? [[other, like]] : [],
      );
    }),
  );
}

function known(catalog: Catalog, table: string, { column }: { readonly column: string }) {
  const found = findTable(catalog, table);
  return found !== undefined && findColumn(found, column) !== undefined ? [{ table, column }] : [];
}

function pairsOf(columns: readonly OldName[]): [OldName, OldName][] {
  return columns.flatMap((one) =>
    columns
      .filter((other) => other.table !== one.table)
      .map((other) => [one, other] as [OldName, OldName]),
  );
}

function isKey(catalog: Catalog, { table, column }: OldName): boolean {
  const found = findTable(catalog, table);
  return found !== undefined && hasKey(found, [column]);
}
