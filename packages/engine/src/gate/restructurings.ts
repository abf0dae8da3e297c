// What two releases may differ in that is not proposed, and what is lost at contract as things
// stand: said to the author, who knows what is meant. Pure.
//
// Each restructuring has an inverse, so what is looked for from the old to the new release is
// looked for the other way round as well, under the other name.

import type { Column, Table } from '../release/catalog.js';
import type { Change } from '../release/evolution.js';
import { isSameType, likeness, similarNames } from './alike.js';
import { listed, NONE, type Remark, type Sight } from './proposal.js';
import { moveId } from './propose-moves.js';
import { type ColumnAt, keyText, pairsIn, unpairedIn } from './unpaired.js';

/** As much as this in common is the same rows. */
const SAME_SHARE = 0.75;

/** The releases from one side; `lone` tables are those that only the other side has. */
interface View {
  readonly names: { readonly rows: string; readonly lookup: string; readonly parts: string };
  readonly pairs: readonly { readonly own: Table; readonly other: Table }[];
  /** Columns of tables of this side that go nowhere. */
  readonly going: readonly ColumnAt[];
  /** Tables of this side that go nowhere. */
  readonly gone: readonly Table[];
  /** Tables of the other side that come from nowhere. */
  readonly lone: readonly Table[];
}

export function remarksOn(sight: Sight): Remark[] {
  const { layout, evolution, asked } = sight;
  const sets = unpairedIn(layout);
  const going = sets.flatMap((one) => one.going);
  const coming = sets.flatMap((one) => one.coming);
  const waiting = new Set(asked.map((one) => one.id));
  const pairs = pairsIn(layout).map((pair) => ({ own: pair.old, other: pair.new }));
  const unsaid = [
    ...restructurings({
      names: { rows: 'unnest_column', lookup: 'extract_table', parts: 'partition_rows' },
      pairs,
      going,
      gone: layout.dropped,
      lone: layout.added,
    }),
    ...restructurings({
      names: { rows: 'nest_table', lookup: 'inline_table', parts: 'unite_tables' },
      pairs: pairs.map(({ own, other }) => ({ own: other, other: own })),
      going: coming,
      gone: layout.added,
      lone: layout.dropped,
    }),
    ...moved(sight, going, coming),
    ...rekeyed(pairs),
  ];
  const stated = new Set(
    evolution.changes.flatMap((one: Change) =>
      one.kind === 'drop_column' ? [`${one.table}.${one.column}`] : [],
    ),
  );
  const lost = [
    ...layout.dropped
      .filter((table) => !waiting.has(table.name))
      .map((table) => `table ${table.name} goes at contract, with its rows`),
    ...going
      .map(({ table, column }) => `${table.name}.${column.name}`)
      .filter((id) => !waiting.has(id) && !waiting.has(`${id}.down`) && !stated.has(id))
      .map((id) => `column ${id} goes at contract, with its values`),
  ];
  return [
    ...unsaid.map((text) => ({ kind: 'unsaid' as const, text })),
    ...lost.map((text) => ({ kind: 'lost' as const, text })),
  ];
}

function restructurings(view: View): string[] {
  return [...rowsIn(view), ...lookupsIn(view), ...partsIn(view)];
}

/** Values that one side packs into a column, and the other has as rows of a table. */
function rowsIn({ names, pairs, going, lone }: View): string[] {
  return lone.flatMap((table) =>
    pairs.flatMap(({ own, other }) => {
      if (!refersTo(table, other)) return [];
      const packed = going.filter(
        (one) =>
          one.table === own &&
          (isPacked(one.column) || hasColumn(table, one.column)) &&
          (similarNames(one.column.name, table.name) ||
            table.columns.some((column) => similarNames(column.name, one.column.name))),
      );
      if (packed.length === 0) return [];
      const columns = packed.map((one) => `${own.name}.${one.column.name}`);
      return [
        saying(names.rows, `the rows of ${table.name} may be the values of ${listed(columns)}`),
      ];
    }),
  );
}

/** Values that one side repeats in every row, and the other keeps once, in a table to refer to. */
function lookupsIn({ names, pairs, going, lone }: View): string[] {
  return lone.flatMap((table) =>
    pairs.flatMap(({ own, other }) => {
      if (!refersTo(other, table) || refersTo(own, table)) return [];
      const repeated = going.filter(
        (one) =>
          one.table === own &&
          (hasColumn(table, one.column) || similarNames(one.column.name, table.name)),
      );
      if (repeated.length === 0) return [];
      const columns = repeated.map((one) => `${own.name}.${one.column.name}`);
      const text = `${other.name} refers to ${table.name}, which may hold ${listed(columns)}`;
      return [saying(names.lookup, text)];
    }),
  );
}

/** Rows that one side has in one table, and the other in several of the same form. */
function partsIn({ names, pairs, gone, lone }: View): string[] {
  const kept = pairs.map(({ own, other }) => ({ own, others: [other] }));
  return [...kept, ...gone.map((own) => ({ own, others: [] }))].flatMap(({ own, others }) => {
    const same = [...others, ...lone].filter((one) => {
      const { common, share } = likeness([own], [one]);
      return common > 1 && share >= SAME_SHARE;
    });
    if (same.length < 2) return [];
    const tables = listed(same.map((one) => one.name));
    return [saying(names.parts, `the rows of ${own.name} may be those of ${tables}`)];
  });
}

/** A column that one table loses and a table which it is tied to gets. */
function moved(
  { answer }: Sight,
  going: readonly ColumnAt[],
  coming: readonly ColumnAt[],
): string[] {
  const open = going.filter((one) => answer(moveId(one)) !== NONE);
  return open.flatMap((old) =>
    coming
      .filter(
        (come) =>
          come.column.name === old.column.name &&
          isSameType(come.column, old.column) &&
          (refersTo(old.table, come.table) || refersTo(come.table, old.table)),
      )
      .map((come) => {
        const [from, to] = [`${old.table.name}.${old.column.name}`, come.table.name];
        // The other way, which of several rows tells the value is for a query to say.
        const kind = refersTo(come.table, old.table) ? 'move_column' : 'custom';
        return saying(kind, `${from} may have moved to ${to}`);
      }),
  );
}

function rekeyed(pairs: View['pairs']): string[] {
  return pairs.flatMap(({ own, other }) => {
    const [before, after] = [keyText(own), keyText(other)];
    if (own.name !== other.name || before === after) return [];
    const names = (table: Table) => table.primaryKey?.columns.join();
    // Under the same names it is the same key in another form.
    const kind = names(own) === names(other) ? 'custom' : 'rekey_table';
    return [saying(kind, `the key of ${own.name} was (${before}) and is (${after})`)];
  });
}

function saying(kind: string, text: string): string {
  return `${text}: if so, state ${kind}`;
}

function refersTo(table: Table, other: Table): boolean {
  return table.foreignKeys.some((key) => key.referencedTable === other.name);
}

function hasColumn(table: Table, column: Column): boolean {
  return table.columns.some((one) => one.name === column.name && isSameType(one, column));
}

function isPacked({ type }: Column): boolean {
  return type.endsWith('[]') || /^(jsonb?|text|character varying)/.test(type);
}
