// What may be a rename that nobody stated: to a comparison of two schemas, a rename looks like
// something that goes and something else that comes, and what goes is lost at contract. Pure.

import { HalflapError } from '@halflap/protocol';
import type { CompileInput } from '../compile/compile.js';
import { layoutOf, type PairedTable, type SplitLayout } from '../compile/layout.js';
import type { Column, Table } from '../release/catalog.js';
import { editDistance } from '../release/suggest.js';

export interface PossibleRename {
  /** `column owner of hosts goes and column team of hosts comes, both text` */
  readonly what: string;
  /** The entry of `changes:` that would state it: `- rename_column: { table: hosts, … }`. */
  readonly change: string;
}

/** Tables first; what goes stands beside one thing that comes, the one most like it by name. */
export function possibleRenames({ from, to, evolution }: Releases): PossibleRename[] {
  const layout = layoutOf(from.catalog, to.catalog, evolution);
  const tables = alike(layout.dropped, layout.added, (table) => shapeOf(table.columns));
  return [
    ...tables.map(([old, come]) => ({
      what: `table ${old.name} goes and table ${come.name} comes, both with the same columns`,
      change: `- rename_table: { table: ${yaml(old.name)}, to: ${yaml(come.name)} }`,
    })),
    ...layout.pairs.flatMap((pair) => renamedColumns([pair])),
    ...layout.splits.flatMap(({ parts }) => renamedColumns(withoutKeys(parts))),
  ];
}

type Releases = Pick<CompileInput, 'from' | 'to' | 'evolution'>;

/**
 * An error of compile() with the renames that may be meant, where it misses a value for something
 * that perhaps only has another name now; any other error as it is.
 */
export function adviseRenames(error: unknown, releases: Releases): unknown {
  if (!(error instanceof HalflapError) || error.code !== 'EVOLUTION_INCOMPLETE') return error;
  const changes = possibleRenames(releases).map((one) => one.change);
  if (changes.length === 0) return error;
  const { code, message, detail, hint = '' } = error;
  const advice = `${hint}; or is it a rename? ${changes.join(', ')}`;
  return new HalflapError(code, message, { detail, hint: advice, cause: error });
}

/** Columns that only the old, and that only the new release has, in the tables of one old table. */
function renamedColumns(pairs: readonly PairedTable[]): PossibleRename[] {
  const old = pairs[0]?.old;
  if (old === undefined) return [];
  const going = old.columns.filter((_, place) =>
    pairs.every((pair) => pair.backward[place]?.down === null),
  );
  const coming = pairs.flatMap((pair) =>
    pair.forward
      .filter((one) => one.up === null)
      .map(({ column }) => ({ ...column, table: pair.new.name })),
  );
  return alike(going, coming, (column) => shapeOf([{ ...column, name: '' }])).map(
    ([column, come]) => ({
      what:
        `column ${column.name} of ${old.name} goes and ` +
        `column ${come.name} of ${come.table} comes, both ${column.type}`,
      change:
        `- rename_column: { table: ${yaml(old.name)}, column: ${yaml(column.name)}, ` +
        `to: ${yaml(come.name)} }`,
    }),
  );
}

/** What a part generates, and by what it refers to another part, has no name in the old release. */
function withoutKeys(parts: SplitLayout['parts']): PairedTable[] {
  const tables = new Set(parts.map(({ pair }) => pair.new.name));
  return parts.map(({ part, pair }) => {
    const keys = pair.new.foreignKeys.filter((key) => tables.has(key.referencedTable));
    const own = new Set([...part.generate, ...keys.flatMap((key) => key.columns)]);
    return { ...pair, forward: pair.forward.filter(({ column }) => !own.has(column.name)) };
  });
}

/** Pairs of equal shape, those with the most similar names first; each thing in one pair only. */
function alike<Old extends Named, New extends Named>(
  going: readonly Old[],
  coming: readonly New[],
  shape: (one: Old | New) => string,
): [Old, New][] {
  const candidates = going.flatMap((old) =>
    coming.filter((one) => shape(one) === shape(old)).map((one): [Old, New] => [old, one]),
  );
  const distance = ([old, one]: [Old, New]) => editDistance(old.name, one.name);
  const sorted = candidates.sort((left, right) => distance(left) - distance(right));
  const taken = new Set<Old | New>();
  return sorted.filter(([old, one]) => {
    if (taken.has(old) || taken.has(one)) return false;
    taken.add(old).add(one);
    return true;
  });
}

type Named = Table | Column;

function shapeOf(columns: readonly Column[]): string {
  return JSON.stringify(columns.map(({ name, type, collation }) => [name, type, collation]).sort());
}

/** A name as a value between braces. */
function yaml(name: string): string {
  return /^\w+$/.test(name) ? name : JSON.stringify(name);
}
