// The fields of one message in the other release: what is stated, and what follows from the two
// shapes. Every field that a release requires has a value, or a finding says which one has none.

import type { FieldType, Formula, RecordShape } from '@halflap/protocol';
import type { Expression, Position } from '../release/evolution.js';
import type { Finding } from '../release/findings.js';
import type { FieldChange } from '../release/servers.js';
import { didYouMean } from '../release/suggest.js';
import { fitsInto, formulaOf, NotTaken, type Typed, typeText } from './formula.js';

export interface MessagePair {
  readonly at: Position;
  /** What the message is called, for findings. */
  readonly oldName: string;
  readonly newName: string;
  readonly oldShape: RecordShape;
  readonly newShape: RecordShape;
  readonly changes: readonly FieldChange[];
}

export type Values = Readonly<Record<string, Formula>>;

type Report = (at: Position, message: string) => void;

/** The new fields from the old ones, and back. */
export function fieldsBothWays(
  pair: MessagePair,
  findings: Finding[],
): { readonly up: Values; readonly down: Values } {
  const report: Report = (at, message) => {
    findings.push({ code: 'SERVERS_INVALID', at, message });
  };
  const sides = new Sides(pair, report);
  for (const change of pair.changes) APPLIED[change.kind](sides, change as never);
  sides.keepEqual();
  sides.assertWhole();
  return { up: sides.up, down: sides.down };
}

/** What the fields of both sides are known to be, while the changes are gone through. */
class Sides {
  readonly up: Record<string, Formula> = {};
  readonly down: Record<string, Formula> = {};
  readonly pair: MessagePair;
  readonly report: Report;
  readonly #gone = new Set<string>();

  constructor(pair: MessagePair, report: Report) {
    this.pair = pair;
    this.report = report;
  }

  /** A field of the old message, or of the new one; undefined after a finding. */
  field(side: 'old' | 'new', name: string, at: Position): FieldType | undefined {
    const { oldShape, newShape, oldName, newName } = this.pair;
    const shape = side === 'old' ? oldShape : newShape;
    if (Object.hasOwn(shape, name)) return shape[name]?.type;
    const owner = side === 'old' ? oldName : newName;
    const advice = didYouMean(name, Object.keys(shape));
    this.report(at, `message ${owner} of the ${side} release has no field "${name}"${advice}`);
    return undefined;
  }

  /** States a field once. */
  set(
    side: 'up' | 'down',
    { name, formula, at }: { name: string; formula: Formula; at: Position },
  ) {
    const values = this[side];
    if (Object.hasOwn(values, name)) this.report(at, `two changes say what "${name}" is`);
    values[name] = formula;
    if (side === 'down') this.#gone.add(name);
  }

  /** States a field by an expression over the fields of the other side. */
  compute(side: 'up' | 'down', name: string, expression: Expression): void {
    const { oldShape, newShape } = this.pair;
    const type = this.field(side === 'up' ? 'new' : 'old', name, expression.at);
    if (type === undefined) return;
    const found = typedBy(expression, side === 'up' ? oldShape : newShape, this.report);
    if (found === null) return;
    if (found.type !== null && !fitsInto(found.type, type)) {
      const problem = `is ${typeText(found.type)}, and "${name}" is ${typeText(type)}`;
      this.report(expression.at, `"${expression.sql}" ${problem}`);
    }
    this.set(side, { name, formula: found.formula, at: expression.at });
  }

  /** A field that is the same under two names. */
  pass(oldField: string, newField: string, at: Position): void {
    const { oldShape, newShape } = this.pair;
    const [old, fresh] = [oldShape[oldField], newShape[newField]];
    if (old === undefined || fresh === undefined) return;
    const isSame = JSON.stringify(old.type) === JSON.stringify(fresh.type);
    const [was, is] = [typeText(old.type), typeText(fresh.type)];
    if (!isSame) {
      const found = was === is ? `another ${is}` : `${was}, then ${is}`;
      this.report(at, `"${newField}" is ${found}: state it with convert_field`);
    } else if (old.isOptional && !fresh.isOptional) {
      this.report(at, `"${newField}" may be missing in the old release: convert_field, coalesce`);
    } else if (fresh.isOptional && !old.isOptional) {
      this.report(at, `"${newField}" may be missing in the new release: convert_field, coalesce`);
    }
    this.set('up', { name: newField, formula: { field: [oldField] }, at });
    this.set('down', { name: oldField, formula: { field: [newField] }, at });
  }

  /** Fields of one name that no change is about. */
  keepEqual(): void {
    const { oldShape, newShape, at } = this.pair;
    for (const name of Object.keys(newShape)) {
      const isFree = !Object.hasOwn(this.up, name) && !this.#gone.has(name);
      if (isFree && Object.hasOwn(oldShape, name)) this.pass(name, name, at);
    }
  }

  assertWhole(): void {
    const { oldShape, newShape, oldName, newName, at } = this.pair;
    for (const [name, { isOptional }] of Object.entries(newShape)) {
      if (isOptional || Object.hasOwn(this.up, name)) continue;
      this.report(at, `nothing says what "${name}" of ${newName} is for the old one: add_field`);
    }
    for (const [name, { isOptional }] of Object.entries(oldShape)) {
      if (isOptional || Object.hasOwn(this.down, name)) continue;
      this.report(at, `nothing says what "${name}" of ${oldName} is for the new one: drop_field`);
    }
  }
}

type Of<Kind extends FieldChange['kind']> = Extract<FieldChange, { kind: Kind }>;

const APPLIED: {
  readonly [Kind in FieldChange['kind']]: (sides: Sides, change: Of<Kind>) => void;
} = {
  rename_field(sides, { field, to, at }) {
    const isThere = [sides.field('old', field, at), sides.field('new', to, at)];
    if (!isThere.includes(undefined)) sides.pass(field, to, at);
  },
  convert_field(sides, { up, down }) {
    for (const [name, expression] of Object.entries(up)) sides.compute('up', name, expression);
    for (const [name, expression] of Object.entries(down)) sides.compute('down', name, expression);
  },
  add_field(sides, { field, up }) {
    sides.compute('up', field, up);
  },
  drop_field(sides, { field, down }) {
    sides.compute('down', field, down);
  },
  nest_fields(sides, { fields, into, at }) {
    nested(sides, { side: 'new', record: into, fields, at });
  },
  unnest_field(sides, { field, into, at }) {
    nested(sides, { side: 'old', record: field, fields: into, at });
  },
};

interface Nesting {
  /** The release that has the record. */
  readonly side: 'old' | 'new';
  readonly record: string;
  readonly fields: readonly string[];
  readonly at: Position;
}

function nested(sides: Sides, { side, record, fields, at }: Nesting): void {
  const type = sides.field(side, record, at);
  if (type === undefined) return;
  const inner = typeof type === 'object' && 'record' in type ? type.record : undefined;
  const flat = side === 'new' ? sides.pair.oldShape : sides.pair.newShape;
  const [toRecord, toFields] =
    side === 'new' ? (['up', 'down'] as const) : (['down', 'up'] as const);
  for (const name of fields) {
    if (sides.field(side === 'new' ? 'old' : 'new', name, at) === undefined) continue;
    const isSame = JSON.stringify(inner?.[name]) === JSON.stringify(flat[name]);
    if (!isSame) sides.report(at, `"${record}" has no field "${name}" of the same type`);
    sides.set(toFields, { name, formula: { field: [record, name] }, at });
  }
  const parts = fields.map((name) => [name, { field: [name] }] as const);
  sides.set(toRecord, { name: record, formula: { record: Object.fromEntries(parts) }, at });
  const left = Object.keys(inner ?? {}).filter(
    (name) => !fields.includes(name) && inner?.[name]?.isOptional === false,
  );
  if (left.length > 0) sides.report(at, `"${record}" also has ${left.join(', ')}: name them`);
}

/** The expression as a formula; null after a finding at its place. */
export function typedBy(expression: Expression, shape: RecordShape, report: Report): Typed | null {
  try {
    return formulaOf(expression, shape);
  } catch (error) {
    if (!(error instanceof NotTaken)) throw error;
    const at = expression.place?.(error.offset) ?? expression.at;
    report(at, `${error.message}, in "${expression.sql}"`);
    return null;
  }
}
