// "changes" of servers.yaml: from YAML to the typed model. The words are those of an evolution,
// said of messages and fields in place of tables and columns.

import type { Node } from 'yaml';
import type { Expression, Position } from './evolution.js';
import { expressionOf, textOf } from './evolution-changes.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';
import type { MessageChange, MessagePart } from './servers.js';
import { didYouMean } from './suggest.js';

type Kind = MessageChange['kind'];
type Fields = ReadonlyMap<string, Field>;

/** The keys of each change. */
export const MESSAGE_CHANGE_SHAPES = {
  rename_message: { required: ['message', 'to'], optional: [] },
  split_message: { required: ['message', 'into'], optional: [] },
  rename_field: { required: ['message', 'field', 'to'], optional: [] },
  convert_field: { required: ['message', 'up', 'down'], optional: ['field', 'fields', 'to'] },
  add_field: { required: ['message', 'field', 'up'], optional: [] },
  drop_field: { required: ['message', 'field', 'down'], optional: [] },
  nest_fields: { required: ['message', 'fields', 'into'], optional: [] },
  unnest_field: { required: ['message', 'field', 'into'], optional: [] },
} as const satisfies Record<Kind, Shape>;

export const PART_SHAPE = {
  required: [],
  optional: ['when', 'otherwise'],
} as const satisfies Shape;

export function messageChanges(
  source: EvolutionSource,
  section: Field | undefined,
): MessageChange[] {
  if (section === undefined || source.isNothing(section.value)) return [];
  const items = source.items(section.value, section.valueAt, '"changes"') ?? [];
  return items.map((item) => change(source, item)).filter((one) => one !== null);
}

function change(source: EvolutionSource, node: Node): MessageChange | null {
  const entries = source.entries(node, source.at(node), 'a change');
  const [entry, extra] = entries ?? [];
  if (entry === undefined) return entries && source.report(source.at(node), 'a change is empty');
  const kind = Object.keys(MESSAGE_CHANGE_SHAPES).find((one) => one === entry.name) as Kind;
  if (kind === undefined) {
    const advice = didYouMean(entry.name, Object.keys(MESSAGE_CHANGE_SHAPES));
    return source.report(entry.at, `unknown change "${entry.name}"${advice}`);
  }
  if (extra !== undefined) {
    return source.report(extra.at, `a change has one kind; indent what belongs to ${kind}`);
  }
  const fields = source.fields(entry.value, entry.at, kind, MESSAGE_CHANGE_SHAPES[kind]);
  const message = textOf(source, fields?.get('message'), kind);
  if (!fields || message === null) return null;
  return PARSERS[kind](source, fields, { at: entry.at, message });
}

interface Base {
  readonly at: Position;
  readonly message: string;
}

type Parser = (source: EvolutionSource, fields: Fields, base: Base) => MessageChange | null;

const PARSERS: Readonly<Record<Kind, Parser>> = {
  rename_message(source, fields, base) {
    const to = textOf(source, fields.get('to'), 'rename_message');
    return to === null ? null : { kind: 'rename_message', ...base, to };
  },
  split_message: splitMessage,
  rename_field(source, fields, base) {
    const field = textOf(source, fields.get('field'), 'rename_field');
    const to = textOf(source, fields.get('to'), 'rename_field');
    if (field === null || to === null) return null;
    return { kind: 'rename_field', ...base, field, to };
  },
  convert_field: convertField,
  add_field(source, fields, base) {
    const field = textOf(source, fields.get('field'), 'add_field');
    const up = statedValue(source, fields.get('up'), 'add_field');
    return field === null || up === null ? null : { kind: 'add_field', ...base, field, up };
  },
  drop_field(source, fields, base) {
    const field = textOf(source, fields.get('field'), 'drop_field');
    const down = statedValue(source, fields.get('down'), 'drop_field');
    return field === null || down === null ? null : { kind: 'drop_field', ...base, field, down };
  },
  nest_fields(source, fields, base) {
    const list = namesOf(source, fields.get('fields'), 'nest_fields');
    const into = textOf(source, fields.get('into'), 'nest_fields');
    if (list === null || into === null) return null;
    return { kind: 'nest_fields', ...base, fields: list, into };
  },
  unnest_field(source, fields, base) {
    const field = textOf(source, fields.get('field'), 'unnest_field');
    const into = namesOf(source, fields.get('into'), 'unnest_field');
    if (field === null || into === null) return null;
    return { kind: 'unnest_field', ...base, field, into };
  },
};

function convertField(source: EvolutionSource, fields: Fields, base: Base) {
  const what = 'convert_field';
  const [single, several] = [fields.get('field'), fields.get('fields')];
  if ((single === undefined) === (several === undefined)) {
    return source.report(base.at, 'convert_field takes either "field" or "fields"');
  }
  const from = namesOf(source, single ?? several, what);
  const to = fields.has('to') ? namesOf(source, fields.get('to'), what) : from;
  if (from === null || to === null) return null;
  const up = valuesOf(source, fields.get('up'), to);
  const down = valuesOf(source, fields.get('down'), from);
  if (up === null || down === null) return null;
  return { kind: 'convert_field', ...base, fields: from, to, up, down } as const;
}

function splitMessage(source: EvolutionSource, fields: Fields, base: Base) {
  const into = fields.get('into');
  const entries = into && source.entries(into.value, into.valueAt, '"into" of split_message');
  if (!into || !entries) return null;
  if (entries.length < 2) {
    return source.report(
      into.valueAt,
      'split_message needs two parts at least; see rename_message',
    );
  }
  const parts = entries.map((entry) => partOf(source, entry));
  if (parts.includes(null)) return null;
  return { kind: 'split_message', ...base, into: parts as MessagePart[] } as const;
}

function partOf(source: EvolutionSource, entry: Field): MessagePart | null {
  const { name: message, at } = entry;
  if (source.isNothing(entry.value)) return { at, message, when: null, otherwise: {} };
  const what = `part "${message}"`;
  const fields = source.fields(entry.value, entry.valueAt, what, PART_SHAPE);
  if (fields === null) return null;
  const stated = fields.get('when');
  const when = stated === undefined ? null : expressionOf(source, stated, what);
  const otherwise = fields.get('otherwise');
  const values = otherwise === undefined ? {} : expressionsOf(source, otherwise, what);
  if ((stated !== undefined && when === null) || values === null) return null;
  return { at, message, when, otherwise: values };
}

/** Expressions by target: a mapping that names exactly the targets, or a bare one for one. */
function valuesOf(
  source: EvolutionSource,
  field: Field | undefined,
  targets: readonly string[],
): Record<string, Expression> | null {
  if (field === undefined) return null;
  const [only] = targets;
  if (only !== undefined && targets.length === 1 && !source.isMapping(field.value)) {
    const value = statedValue(source, field, 'convert_field');
    return value === null ? null : { [only]: value };
  }
  const values = expressionsOf(source, field, 'convert_field');
  const names = values === null ? [] : Object.keys(values);
  const isWhole = names.length === targets.length && targets.every((one) => names.includes(one));
  if (values === null || isWhole) return values;
  const wanted = targets.join(', ');
  return source.report(field.valueAt, `"${field.name}" of convert_field is about ${wanted}`);
}

function expressionsOf(
  source: EvolutionSource,
  field: Field,
  what: string,
): Record<string, Expression> | null {
  const entries = source.entries(field.value, field.valueAt, `"${field.name}" of ${what}`);
  if (entries === null) return null;
  const values: Record<string, Expression> = {};
  for (const entry of entries) {
    const value = expressionOf(source, entry, what);
    if (value === null) return null;
    values[entry.name] = value;
  }
  return values;
}

function statedValue(source: EvolutionSource, field: Field | undefined, what: string) {
  return field === undefined ? null : expressionOf(source, field, what);
}

/** One name, or a list of different ones. */
function namesOf(source: EvolutionSource, field: Field | undefined, what: string): string[] | null {
  if (field === undefined) return null;
  if (source.isList(field.value)) {
    const names = source.names(field.value, field.valueAt, `"${field.name}" of ${what}`);
    return names === null ? null : names.map(({ name }) => name);
  }
  const name = textOf(source, field, what);
  return name === null ? null : [name];
}
