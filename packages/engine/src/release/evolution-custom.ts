// custom: from YAML to the typed model. The order of the tables is the order of the file.

import type { Node } from 'yaml';
import type { Custom, CustomTable, Position } from './evolution.js';
import { CHANGE_SHAPES, type Located, placesOf } from './evolution-changes.js';
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
  const all = [...olds, ...news];
  const backwards = olds.find((one) => one.via !== null);
  if (backwards !== undefined) {
    return source.report(
      backwards.places?.slice ?? backwards.at,
      `"slice" of ${backwards.table}: only tables of the new release have drawn keys`,
    );
  }
  const count = olds[0]?.slice.length;
  const other = all.find((one) => one.via === null && one.slice.length !== count);
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
  const cut = sliceOf(source, slice, what);
  const query = source.query(stated.value, stated.valueAt, `"query" of ${what}`);
  if (cut === null || query === null) return null;
  return {
    at: entry.at,
    places: { ...placesOf(fields), ...placesOfAll('slice', cut.columns) },
    table: entry.name,
    slice: cut.columns.map((one) => one.name),
    via: cut.via,
    query,
  };
}

/** Columns, or the one key map that leads from columns to the slice. */
function sliceOf(
  source: EvolutionSource,
  field: Field,
  what: string,
): { readonly columns: readonly Located[]; readonly via: string | null } | null {
  if (!source.isMapping(field.value)) {
    const columns = columnsOf(source, field, what);
    return columns === null ? null : { columns, via: null };
  }
  const entries = source.entries(field.value, field.valueAt, `"slice" of ${what}`);
  const [entry] = entries ?? [];
  if (entries === null) return null;
  if (entry === undefined || entries.length > 1) {
    return source.report(field.valueAt, `"slice" of ${what} names one key map, and columns`);
  }
  const columns = columnsOf(source, entry, what);
  return columns === null ? null : { columns, via: entry.name };
}

/** One name, or a list of names. */
export function columnsOf(source: EvolutionSource, field: Field, what: string): Located[] | null {
  const about = `"${field.name}" of ${what}`;
  if (source.isList(field.value)) return source.names(field.value, field.valueAt, about);
  const name = source.text(field.value, field.valueAt, about);
  return name === null || name === '' ? null : [{ name, at: field.valueAt }];
}

export function placesOfAll(key: string, columns: readonly Located[]): Record<string, Position> {
  return Object.fromEntries(columns.map((one) => [`${key}.${one.name}`, one.at]));
}
