// split_table: from YAML to the typed model. The order of the parts is the order of the file.

import type { Node } from 'yaml';
import type { Expression, Places, Position, SplitPart, SplitTable } from './evolution.js';
import { CHANGE_SHAPES, expressionOf, placesOf, textOf } from './evolution-changes.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';
import { columnMentions } from './expression.js';
import { within } from './name-scope.js';

/** The keys of one part; all may be left out. */
export const PART_SHAPE = {
  required: [],
  optional: ['key', 'when', 'otherwise', 'generate'],
} as const satisfies Shape;

export function splitTable(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): SplitTable | null {
  const fields = source.fields(node, at, 'split_table', CHANGE_SHAPES.split_table);
  const into = fields?.get('into');
  if (!fields || into === undefined) return null;
  const table = textOf(source, fields.get('table'), 'split_table');
  const entries = source.entries(into.value, into.valueAt, '"into" of split_table');
  if (table === null || entries === null) return null;
  if (entries.length < 2) {
    return source.report(into.valueAt, 'split_table needs two parts at least; see rename_table');
  }
  const parts = entries.map((entry) => splitPart(source, entry)).filter((part) => part !== null);
  if (parts.length < entries.length) return null;
  const condition = parts[0]?.when;
  if (condition) {
    return source.report(
      condition.at,
      `the first part of a split has one row for every row of ${table}, so it takes no "when"`,
    );
  }
  return { kind: 'split_table', at, places: placesOf(fields), table, into: parts };
}

function splitPart(source: EvolutionSource, entry: Field): SplitPart | null {
  const what = `part "${entry.name}"`;
  const at = entry.at;
  // `hosts:` and `hosts: {}` are the same: a part without anything to say.
  if (source.isNothing(entry.value)) return bare(entry);
  const fields = source.fields(entry.value, entry.valueAt, what, PART_SHAPE);
  if (fields === null) return null;
  const key = fields.get('key');
  const when = fields.get('when');
  const read = {
    key: key === undefined ? null : keyOf(source, key, what),
    when: when === undefined ? null : expressionOf(source, when, what),
    otherwise: otherwiseOf(source, fields.get('otherwise'), what),
    generate: generateOf(source, fields.get('generate'), what),
  };
  const isWrong =
    (key !== undefined && read.key === null) ||
    (when !== undefined && read.when === null) ||
    read.otherwise === null ||
    read.generate === null;
  if (isWrong || read.otherwise === null || read.generate === null) return null;
  const both = read.generate.find(
    (one) => read.key !== null && Object.hasOwn(read.key.names, one.name),
  );
  if (both !== undefined) {
    return source.report(
      both.at,
      `${what} both generates "${both.name}" and takes it from the key`,
    );
  }
  return {
    at,
    places: {
      ...placesOf(fields),
      ...read.key?.places,
      ...read.otherwise.places,
      ...Object.fromEntries(read.generate.map((one) => [`generate.${one.name}`, one.at])),
    },
    table: entry.name,
    key: read.key?.names ?? null,
    when: read.when,
    otherwise: read.otherwise.values,
    generate: read.generate.map((one) => one.name),
  };
}

function bare(entry: Field): SplitPart {
  const { name: table, at } = entry;
  return { at, places: {}, table, key: null, when: null, otherwise: {}, generate: [] };
}

/**
 * Key column → the column of the other release that holds it; `key.ONE` is where the first stands,
 * `key=ONE` the other.
 */
export function keyOf(source: EvolutionSource, field: Field, what: string) {
  const entries = source.entries(field.value, field.valueAt, `"key" of ${what}`);
  if (entries === null) return null;
  if (entries.length === 0) return source.report(field.valueAt, `"key" of ${what} is empty`);
  const names: Record<string, string> = {};
  const places: Record<string, Position> = {};
  for (const entry of entries) {
    const old = textOf(source, entry, `"key" of ${what}`);
    if (old === null) return null;
    names[entry.name] = old;
    places[`key.${entry.name}`] = entry.at;
    places[`key=${entry.name}`] = entry.valueAt;
  }
  return { names, places };
}

export function otherwiseOf(
  source: EvolutionSource,
  field: Field | undefined,
  what: string,
): { values: Record<string, Expression>; places: Places } | null {
  if (field === undefined) return { values: {}, places: {} };
  const entries = source.entries(field.value, field.valueAt, `"${field.name}" of ${what}`);
  if (entries === null) return null;
  const values: Record<string, Expression> = {};
  const places: Record<string, Position> = {};
  for (const entry of entries) {
    const expression = expressionOf(source, entry, `"${field.name}" of ${what}`);
    if (expression === null) return null;
    const [mention] = columnMentions(expression.sql);
    if (mention !== undefined) {
      return source.report(
        within(expression, mention.offset),
        `"${field.name}" of ${what} stands for what is not there, so it takes no columns, ` +
          `found "${mention.column}"`,
      );
    }
    values[entry.name] = expression;
    places[`${field.name}.${entry.name}`] = entry.at;
  }
  return { values, places };
}

function generateOf(source: EvolutionSource, field: Field | undefined, what: string) {
  if (field === undefined) return [];
  return source.names(field.value, field.valueAt, `"generate" of ${what}`);
}
