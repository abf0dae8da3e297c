// partition_rows and unite_tables: from YAML to the typed model. The order of the tables is that of
// the file.

import type { Node } from 'yaml';
import type { PartitionRows, Position, ShareOfRows, UniteTables } from './evolution.js';
import { CHANGE_SHAPES, expressionOf, placesOf, textOf } from './evolution-changes.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';
import { otherwiseOf } from './evolution-split.js';

/** The keys of one of several tables. */
export const SHARE_SHAPE = {
  required: ['when'],
  optional: ['values'],
} as const satisfies Shape;

export function partitionRows(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): PartitionRows | null {
  const fields = source.fields(node, at, 'partition_rows', CHANGE_SHAPES.partition_rows);
  const into = fields?.get('into');
  if (!fields || into === undefined) return null;
  const table = textOf(source, fields.get('table'), 'partition_rows');
  const shares = sharesOf(source, into, 'partition_rows');
  if (table === null || shares === null) return null;
  return { kind: 'partition_rows', at, places: placesOf(fields), table, into: shares };
}

export function uniteTables(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): UniteTables | null {
  const fields = source.fields(node, at, 'unite_tables', CHANGE_SHAPES.unite_tables);
  const from = fields?.get('from');
  if (!fields || from === undefined) return null;
  const into = textOf(source, fields.get('into'), 'unite_tables');
  const shares = sharesOf(source, from, 'unite_tables');
  if (into === null || shares === null) return null;
  return { kind: 'unite_tables', at, places: placesOf(fields), into, from: shares };
}

function sharesOf(source: EvolutionSource, field: Field, kind: string): ShareOfRows[] | null {
  const what = `"${field.name}" of ${kind}`;
  const entries = source.entries(field.value, field.valueAt, what);
  if (entries === null) return null;
  if (entries.length < 2) {
    return source.report(field.valueAt, `${kind} needs two tables at least; see rename_table`);
  }
  const shares = entries.map((entry) => shareOf(source, entry)).filter((one) => one !== null);
  return shares.length < entries.length ? null : shares;
}

function shareOf(source: EvolutionSource, entry: Field): ShareOfRows | null {
  const what = `table "${entry.name}"`;
  const fields = source.fields(entry.value, entry.valueAt, what, SHARE_SHAPE);
  const field = fields?.get('when');
  if (!fields || field === undefined) return null;
  const when = expressionOf(source, field, what);
  const values = otherwiseOf(source, fields.get('values'), what);
  if (when === null || values === null) return null;
  return {
    at: entry.at,
    places: { ...placesOf(fields), ...values.places },
    table: entry.name,
    when,
    values: values.values,
  };
}
