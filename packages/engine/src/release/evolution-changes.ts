// The change kinds that work column by column, and rename_table: from YAML to the typed model.

import type { Node } from 'yaml';
import type {
  AddColumn,
  Change,
  ConvertColumn,
  DropColumn,
  Expression,
  Places,
  Position,
  RenameColumn,
  RenameLabel,
  RenameTable,
} from './evolution.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';

const NESTING = ['column', 'columns', 'position', 'key', 'delimiter'] as const;

/** The keys of each change kind; `convert_column` has a short and a general form. */
export const CHANGE_SHAPES = {
  rename_table: { required: ['table', 'to'], optional: [] },
  rename_column: { required: ['table', 'column', 'to'], optional: [] },
  rename_label: { required: ['type', 'label', 'to'], optional: [] },
  convert_column: {
    required: ['table', 'up', 'down'],
    optional: ['column', 'columns', 'to', 'keep'],
  },
  add_column: { required: ['table', 'column', 'up'], optional: ['keep'] },
  drop_column: { required: ['table', 'column', 'down'], optional: [] },
  split_table: { required: ['table', 'into'], optional: [] },
  merge_tables: { required: ['into', 'from'], optional: [] },
  extract_table: { required: ['table', 'columns', 'into', 'reference'], optional: [] },
  inline_table: { required: ['table', 'columns', 'into', 'reference'], optional: [] },
  unnest_column: { required: ['table', 'into', 'value'], optional: NESTING },
  nest_table: { required: ['table', 'into', 'value'], optional: NESTING },
  partition_rows: { required: ['table', 'into'], optional: [] },
  unite_tables: { required: ['into', 'from'], optional: [] },
  move_column: { required: ['table', 'column', 'to'], optional: ['as'] },
  rekey_table: { required: ['table', 'column'], optional: [] },
  custom: { required: ['from', 'into'], optional: [] },
} as const satisfies Record<Change['kind'], Shape>;

export function renameTable(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): RenameTable | null {
  const read = readNames(source, { node, at, kind: 'rename_table', keys: ['table', 'to'] });
  if (read === null) return null;
  const { names, places } = read;
  return { kind: 'rename_table', at, places, table: names.table, to: names.to };
}

export function renameLabel(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): RenameLabel | null {
  const keys = ['type', 'label', 'to'] as const;
  const read = readNames(source, { node, at, kind: 'rename_label', keys });
  if (read === null) return null;
  const { names, places } = read;
  return { kind: 'rename_label', at, places, ...names };
}

/** The kinds that name one table and one column and say one more thing about it. */
export function columnChange(kind: 'rename_column' | 'add_column' | 'drop_column') {
  return (
    source: EvolutionSource,
    node: Node | null,
    at: Position,
  ): RenameColumn | AddColumn | DropColumn | null => {
    const last = kind === 'rename_column' ? 'to' : kind === 'add_column' ? 'up' : 'down';
    const keys =
      last === 'to' ? (['table', 'column', 'to'] as const) : (['table', 'column'] as const);
    const read = readNames(source, { node, at, kind, keys });
    if (read === null) return null;
    const { names, places, fields } = read;
    const base = { at, places, table: names.table, column: names.column };
    if (kind === 'rename_column') return { kind, ...base, to: names.to };
    const value = fields.get(last);
    const expression = value && expressionOf(source, value, kind);
    if (!expression) return null;
    if (kind === 'drop_column') return { kind, ...base, down: expression };
    const keep = switchOf(source, fields.get('keep'), kind);
    return keep === null ? null : { kind, ...base, up: expression, ...(keep && { keep }) };
  };
}

export function convertColumn(
  source: EvolutionSource,
  node: Node | null,
  at: Position,
): ConvertColumn | null {
  const fields = source.fields(node, at, 'convert_column', CHANGE_SHAPES.convert_column);
  if (fields === null) return null;
  const [single, several] = [fields.get('column'), fields.get('columns')];
  if ((single === undefined) === (several === undefined)) {
    return source.report(at, 'convert_column takes either "column" or "columns"');
  }
  const table = textOf(source, fields.get('table'), 'convert_column');
  const from = namesOf(source, single ?? several, 'convert_column');
  const to = fields.has('to') ? namesOf(source, fields.get('to'), 'convert_column') : from;
  if (table === null || from === null || to === null) return null;
  const up = valuesOf(source, fields.get('up'), to);
  const down = valuesOf(source, fields.get('down'), from);
  const keep = switchOf(source, fields.get('keep'), 'convert_column');
  if (up === null || down === null || keep === null) return null;
  return {
    kind: 'convert_column',
    at,
    places: {
      ...placesOf(fields),
      ...Object.fromEntries(from.map((one) => [`columns.${one.name}`, one.at])),
      ...Object.fromEntries(to.map((one) => [`to.${one.name}`, one.at])),
    },
    table,
    columns: from.map((one) => one.name),
    to: to.map((one) => one.name),
    up,
    down,
    ...(keep && { keep }),
  };
}

/** Where the value of each key stands. */
export function placesOf(fields: ReadonlyMap<string, Field>): Places {
  return Object.fromEntries([...fields].map(([key, field]) => [key, field.valueAt]));
}

export function textOf(
  source: EvolutionSource,
  field: Field | undefined,
  what: string,
): string | null {
  return field === undefined
    ? null
    : source.text(field.value, field.valueAt, `"${field.name}" of ${what}`);
}

export function expressionOf(
  source: EvolutionSource,
  field: Field,
  what: string,
): Expression | null {
  return source.expression(field.value, field.valueAt, `"${field.name}" of ${what}`);
}

/** `true` or `false`, which is also what stands for a key that is left out. */
function switchOf(source: EvolutionSource, field: Field | undefined, what: string): boolean | null {
  if (field === undefined) return false;
  const text = textOf(source, field, what);
  if (text === null) return null;
  if (text === 'true' || text === 'false') return text === 'true';
  return source.report(field.valueAt, `"${field.name}" of ${what} is true or false, not "${text}"`);
}

export interface Located {
  readonly name: string;
  readonly at: Position;
}

/** One name stands for a list of one, except under a key in the plural. */
export function namesOf(
  source: EvolutionSource,
  field: Field | undefined,
  what: string,
): Located[] | null {
  if (field === undefined) return null;
  if (field.name === 'columns' || source.isList(field.value)) {
    return source.names(field.value, field.valueAt, `"${field.name}" of ${what}`);
  }
  const name = textOf(source, field, what);
  return name === null ? null : [{ name, at: field.valueAt }];
}

/**
 * Expressions by target: a mapping that names exactly the targets, or one bare expression for one.
 */
function valuesOf(
  source: EvolutionSource,
  field: Field | undefined,
  targets: readonly Located[],
): Record<string, Expression> | null {
  if (field === undefined) return null;
  const [only] = targets;
  if (only !== undefined && targets.length === 1 && !source.isMapping(field.value)) {
    const expression = expressionOf(source, field, 'convert_column');
    return expression === null ? null : { [only.name]: expression };
  }
  const what = `"${field.name}" of convert_column`;
  const shape = { required: targets.map((target) => target.name), optional: [] };
  const fields = source.fields(field.value, field.valueAt, what, shape);
  if (fields === null) return null;
  const values: Record<string, Expression> = {};
  for (const [name, value] of fields) {
    const expression = expressionOf(source, value, what);
    if (expression === null) return null;
    values[name] = expression;
  }
  return values;
}

interface NamesWanted<Key extends string> {
  readonly node: Node | null;
  readonly at: Position;
  readonly kind: Change['kind'];
  readonly keys: readonly Key[];
}

function readNames<Key extends string>(source: EvolutionSource, wanted: NamesWanted<Key>) {
  const { node, at, kind, keys } = wanted;
  const fields = source.fields(node, at, kind, CHANGE_SHAPES[kind]);
  if (fields === null) return null;
  const names: Record<string, string> = {};
  for (const key of keys) {
    const name = textOf(source, fields.get(key), kind);
    if (name === null) return null;
    names[key] = name;
  }
  return { names: names as Record<Key | 'to', string>, fields, places: placesOf(fields) };
}
