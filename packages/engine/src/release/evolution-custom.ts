// custom: from YAML to the typed model. The order of the tables is the order of the file.

import type { Node } from 'yaml';
import type { Custom, CustomTable, Position } from './evolution.js';
import { CHANGE_SHAPES, placesOf } from './evolution-changes.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';

/** The keys of one table. */
export const CUSTOM_SHAPE = {
  required: ['slice', 'query'],
  optional: [],
} as const satisfies Shape;

export function custom(source: EvolutionSource, node: Node | null, at: Position): Custom | null {
  const fields = source.fields(node, at, 'custom', CHANGE_SHAPES.custom);
  const [from, into] = [fields?.get('from'), fields?.get('into')];
  if (!fields || from === undefined || into === undefined) return null;
  const [olds, news] = [tablesOf(source, from), tablesOf(source, into)];
  if (olds === null || news === null) return null;
  const count = olds[0]?.slice.length;
  const other = [...olds, ...news].find((one) => one.slice.length !== count);
  if (other !== undefined) {
    return source.report(
      other.places?.slice ?? other.at,
      `"slice" of ${other.table} has ${other.slice.length} columns, that of ` +
        `${olds[0]?.table} has ${count}: all tables of a change are cut into the same slices`,
    );
  }
  return { kind: 'custom', at, places: placesOf(fields), from: olds, into: news };
}

function tablesOf(source: EvolutionSource, field: Field): CustomTable[] | null {
  const what = `"${field.name}" of custom`;
  const entries = source.entries(field.value, field.valueAt, what);
  if (entries === null) return null;
  if (entries.length === 0) return source.report(field.valueAt, `${what} is empty`);
  const tables = entries.map((entry) => tableOf(source, entry)).filter((one) => one !== null);
  return tables.length < entries.length ? null : tables;
}

function tableOf(source: EvolutionSource, entry: Field): CustomTable | null {
  const what = `table "${entry.name}"`;
  const fields = source.fields(entry.value, entry.valueAt, what, CUSTOM_SHAPE);
  const [slice, stated] = [fields?.get('slice'), fields?.get('query')];
  if (!fields || slice === undefined || stated === undefined) return null;
  const columns = source.isList(slice.value)
    ? source.names(slice.value, slice.valueAt, `"slice" of ${what}`)
    : [
        {
          name: source.text(slice.value, slice.valueAt, `"slice" of ${what}`) ?? '',
          at: slice.valueAt,
        },
      ];
  const query = source.query(stated.value, stated.valueAt, `"query" of ${what}`);
  if (columns === null || columns[0]?.name === '' || query === null) return null;
  return {
    at: entry.at,
    places: {
      ...placesOf(fields),
      ...Object.fromEntries(columns.map((one) => [`slice.${one.name}`, one.at])),
    },
    table: entry.name,
    slice: columns.map((one) => one.name),
    query,
  };
}
