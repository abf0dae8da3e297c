// `dirty`: what becomes of rows of the old release that break a rule of the new one; from YAML to
// the typed model.
//
// A rule is a column (`up` fails, or gives null where the column is not null) or a constraint.

import type { Node } from 'yaml';
import type { DirtyPolicy, Expression } from './evolution.js';
import { expressionOf, placesOf, textOf } from './evolution-changes.js';
import type { EvolutionSource, Field, Shape } from './evolution-source.js';
import { didYouMean } from './suggest.js';

const RULE = ['column', 'constraint'] as const;

/** The keys of each policy. */
export const DIRTY_SHAPES = {
  quarantine: { required: ['table'], optional: RULE },
  default: { required: ['table'], optional: [...RULE, 'value', 'values'] },
  refuse: { required: ['table'], optional: RULE },
} as const satisfies Record<DirtyPolicy['kind'], Shape>;

export function dirtyPolicies(source: EvolutionSource, field: Field): DirtyPolicy[] {
  if (source.isNothing(field.value)) return [];
  const items = source.items(field.value, field.valueAt, '"dirty"') ?? [];
  const policies = items.map((item) => policyIn(source, item)).filter((one) => one !== null);
  policies.forEach((one, index) => {
    const earlier = policies.slice(0, index).find((other) => ruleOf(other) === ruleOf(one));
    if (earlier === undefined) return;
    const first = `${earlier.kind} on line ${earlier.at.line}`;
    source.report(one.at, `${one.kind} is about ${ruleOf(one)}, as ${first} is already`);
  });
  return policies;
}

/** The rule in words; equal words are the same rule. */
export function ruleOf({
  table,
  column,
  constraint,
}: Pick<DirtyPolicy, 'table' | 'column' | 'constraint'>): string {
  return column === null ? `constraint ${constraint} of ${table}` : `column ${table}.${column}`;
}

function policyIn(source: EvolutionSource, node: Node): DirtyPolicy | null {
  const entries = source.entries(node, source.at(node), 'a policy');
  if (entries === null) return null;
  const [entry, extra] = entries;
  if (entry === undefined) return source.report(source.at(node), 'a policy is empty');
  if (!isKind(entry.name)) {
    const advice = didYouMean(entry.name, Object.keys(DIRTY_SHAPES));
    return source.report(entry.at, `unknown policy "${entry.name}"${advice}`);
  }
  if (extra !== undefined) {
    const both = `found "${entry.name}" and "${extra.name}"`;
    return source.report(extra.at, `a policy has one kind, ${both}; indent what belongs to it`);
  }
  return policyOf(source, entry.name, entry);
}

function policyOf(
  source: EvolutionSource,
  kind: DirtyPolicy['kind'],
  entry: Field,
): DirtyPolicy | null {
  const fields = source.fields(entry.value, entry.valueAt, kind, DIRTY_SHAPES[kind]);
  if (fields === null) return null;
  const [column, constraint] = [fields.get('column'), fields.get('constraint')];
  if ((column === undefined) === (constraint === undefined)) {
    return source.report(entry.at, `${kind} takes either "column" or "constraint"`);
  }
  const table = textOf(source, fields.get('table'), kind);
  const rule = textOf(source, column ?? constraint, kind);
  if (table === null || rule === null) return null;
  const values = kind === 'default' ? valuesOf(source, fields, { rule, entry }) : {};
  if (values === null) return null;
  return {
    kind,
    at: entry.at,
    places: placesOf(fields),
    table,
    column: column === undefined ? null : rule,
    constraint: column === undefined ? rule : null,
    values,
  };
}

/** A column has one value, a constraint one for each column that gets another. */
function valuesOf(
  source: EvolutionSource,
  fields: ReadonlyMap<string, Field>,
  { rule, entry }: { readonly rule: string; readonly entry: Field },
): Record<string, Expression> | null {
  const isColumn = fields.has('column');
  const [wanted, other] = isColumn ? ['value', 'values'] : ['values', 'value'];
  const given = fields.get(wanted);
  if (given === undefined || fields.has(other)) {
    const about = isColumn ? 'a column' : 'a constraint';
    return source.report(
      fields.get(other)?.at ?? entry.at,
      `default of ${about} takes "${wanted}"`,
    );
  }
  if (isColumn) {
    const value = expressionOf(source, given, 'default');
    return value === null ? null : { [rule]: value };
  }
  const values: Record<string, Expression> = {};
  const what = '"values" of default';
  const entries = source.entries(given.value, given.valueAt, what);
  if (entries === null) return null;
  if (entries.length === 0) return source.report(given.valueAt, `${what} is empty`);
  for (const one of entries) {
    const value = source.expression(one.value, one.valueAt, `"${one.name}" of ${what}`);
    if (value === null) return null;
    values[one.name] = value;
  }
  return values;
}

function isKind(word: string): word is DirtyPolicy['kind'] {
  return Object.hasOwn(DIRTY_SHAPES, word);
}
