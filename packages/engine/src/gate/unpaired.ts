// What one release has and the other has not, where tables go on: the columns that go and those
// that come, by the tables that belong together. Pure.

import type { Layout, PairedTable } from '../compile/layout.js';
import type { Column, Table } from '../release/catalog.js';
import { keyTo } from './alike.js';

export interface ColumnAt {
  readonly table: Table;
  readonly column: Column;
}

export interface GoingColumn extends ColumnAt {
  /** Another table of a merge has taken the name: what becomes of this one has to be stated. */
  readonly isShadowed: boolean;
}

/** Old tables with the new ones that they become. */
export interface Unpaired {
  readonly pairs: readonly PairedTable[];
  /** Columns of the old release that nothing carries on. */
  readonly going: readonly GoingColumn[];
  /** Columns of the new release that nothing feeds. */
  readonly coming: readonly ColumnAt[];
}

/** Every old table with every new one that has rows of it. */
export function pairsIn({ pairs, splits, merges }: Layout): PairedTable[] {
  return [
    ...pairs,
    ...splits.flatMap(({ parts }) => parts.map((one) => one.pair)),
    ...merges.flatMap((merge) => merge.pairs),
  ];
}

export function unpairedIn({ pairs, splits, merges }: Layout): Unpaired[] {
  return [
    ...pairs.map((pair) => unpaired([pair], new Set())),
    ...splits.map(({ parts }) =>
      unpaired(
        parts.map((one) => one.pair),
        new Set(parts.flatMap(({ part, pair }) => part.generate.map((one) => at(pair.new, one)))),
      ),
    ),
    ...merges.map((merge) => unpaired(merge.pairs, new Set())),
  ];
}

/** Keys that tie the tables to each other have no name on the other side, nor need they one. */
function unpaired(pairs: readonly PairedTable[], generated: ReadonlySet<string>): Unpaired {
  const olds = [...new Set(pairs.map((pair) => pair.old))];
  const news = [...new Set(pairs.map((pair) => pair.new))];
  const [oldKeys, newKeys] = [tiesOf(olds), tiesOf(news)];
  const going = columnsOf(olds).flatMap(({ table, column }): GoingColumn[] => {
    const own = pairs.filter((pair) => pair.old === table);
    const isCarried = own.some(
      (pair) => pair.backward.find((one) => one.column === column)?.down != null,
    );
    const isShadowed = olds.length > 1 && isTakenBefore(table, column, pairs);
    const isGoing = (!isCarried || isShadowed) && !oldKeys.has(at(table, column.name));
    return isGoing ? [{ table, column, isShadowed }] : [];
  });
  const coming = columnsOf(news).filter(({ table, column }) => {
    const own = pairs.filter((pair) => pair.new === table);
    const isFed = own.some((pair) => pair.forward.find((one) => one.column === column)?.up != null);
    const name = at(table, column.name);
    return !isFed && !newKeys.has(name) && !generated.has(name);
  });
  return { pairs, going, coming };
}

/** Where tables become one, a name that two of them have can be only one of them. */
function isTakenBefore(table: Table, column: Column, pairs: readonly PairedTable[]): boolean {
  const place = pairs.findIndex((pair) => pair.old === table);
  const own = pairs[place]?.backward.find((one) => one.column === column);
  if (own === undefined || own.stated !== undefined || own.source === null) return false;
  return pairs
    .slice(0, place)
    .some((pair) => pair.backward.some((one) => one.source === own.source));
}

function columnsOf(tables: readonly Table[]): ColumnAt[] {
  return tables.flatMap((table) =>
    table.columns
      .filter((column) => column.generated === null)
      .map((column) => ({ table, column })),
  );
}

function tiesOf(tables: readonly Table[]): Set<string> {
  return new Set(
    tables.flatMap((table) =>
      tables.flatMap((base) =>
        base === table ? [] : (keyTo(base, table) ?? []).map((column) => at(table, column)),
      ),
    ),
  );
}

function at(table: Table, column: string): string {
  return JSON.stringify([table.name, column]);
}

/** The columns of a primary key, with their types. */
export function keyText(table: Table): string {
  const columns = table.primaryKey?.columns ?? [];
  const type = (name: string) => table.columns.find((one) => one.name === name)?.type;
  return columns.map((one) => `${one} ${type(one)}`).join(', ');
}
