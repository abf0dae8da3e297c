// merge_tables: from YAML to the typed model. The order of the tables is the order of the file.

import type { Node } from 'yaml';
import type { MergedTable, MergeTables, Position } from './evolution.js';
import { CHANGE_SHAPES, expressionOf, placesOf, textOf } from './evolution-changes.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';
import { keyOf, otherwiseOf } from './evolution-split.js';

/** The keys of one merged table; all may be left out. */
export const MERGED_SHAPE = {
  required: [],
  optional: ['key', 'when', 'otherwise'],
} as const satisfies Shape;

export function mergeTables(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): MergeTables | null {
  const fields = source.fields(node, at, 'merge_tables', CHANGE_SHAPES.merge_tables);
  const from = fields?.get('from');
  if (!fields || from === undefined) return null;
  const into = textOf(source, fields.get('into'), 'merge_tables');
  const entries = source.entries(from.value, from.valueAt, '"from" of merge_tables');
  if (into === null || entries === null) return null;
  if (entries.length < 2) {
    return source.report(from.valueAt, 'merge_tables needs two tables at least; see rename_table');
  }
  const tables = entries.map((entry) => mergedTable(source, entry)).filter((one) => one !== null);
  if (tables.length < entries.length) return null;
  const [base] = tables;
  const [value] = Object.values(base?.otherwise ?? {});
  if (base?.when === null && value !== undefined) {
    return source.report(
      value.at,
      `${into} has one row for every row of the first table of a merge, so that takes no ` +
        '"otherwise", unless a "when" says that there may be none',
    );
  }
  return { kind: 'merge_tables', at, places: placesOf(fields), into, from: tables };
}

/** Whether none of the tables need have all rows; else the first one has. */
export function isOuter({ from }: MergeTables): boolean {
  return from[0]?.when !== null;
}

function mergedTable(source: EvolutionSource, entry: Field): MergedTable | null {
  const { name: table, at } = entry;
  const what = `table "${table}"`;
  if (source.isNothing(entry.value)) {
    return { at, places: {}, table, key: null, when: null, otherwise: {} };
  }
  const fields = source.fields(entry.value, entry.valueAt, what, MERGED_SHAPE);
  if (fields === null) return null;
  const [key, when] = [fields.get('key'), fields.get('when')];
  const read = {
    key: key === undefined ? null : keyOf(source, key, what),
    when: when === undefined ? null : expressionOf(source, when, what),
    otherwise: otherwiseOf(source, fields.get('otherwise'), what),
  };
  const isWrong = (key !== undefined && !read.key) || (when !== undefined && !read.when);
  if (isWrong || read.otherwise === null) return null;
  return {
    at,
    places: { ...placesOf(fields), ...read.key?.places, ...read.otherwise.places },
    table,
    key: read.key?.names ?? null,
    when: read.when,
    otherwise: read.otherwise.values,
  };
}
