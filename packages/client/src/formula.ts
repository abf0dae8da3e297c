// Computes what a release states about its messages: expressions of SQL, ready as data, without
// PostgreSQL. Means what PostgreSQL means (manual, chapter 9) for text, bigint, float8 and boolean;
// a test compares the two.
//
// Invariant: null goes in and comes out as in SQL; what PostgreSQL would refuse (a division by
// zero, a text that is no number, an integer that JavaScript cannot hold) is thrown as a
// FormulaError, so that the message is kept and not sent wrong.

import type { Formula } from '@halflap/protocol';

export type Value = unknown;
export type Fields = Readonly<Record<string, Value>>;

/** What is wrong with a value, in words. */
export class FormulaError extends Error {}

/** The value of a formula over the fields of one message; null for what is absent. */
export function compute(formula: Formula, fields: Fields): Value {
  if ('value' in formula) return formula.value;
  if ('field' in formula) return fieldOf(formula.field, fields);
  if ('record' in formula) return recordOf(formula.record, fields);
  const special = SPECIAL[formula.call];
  if (special !== undefined) return special(formula.of, fields);
  const operation = OPERATIONS[formula.call];
  if (operation === undefined) throw new FormulaError(`no such operation: ${formula.call}`);
  const values = formula.of.map((one) => compute(one, fields));
  return values.includes(null) ? null : operation(...values);
}

function fieldOf(path: readonly string[], fields: Fields): Value {
  let found: Value = fields;
  for (const name of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name)) return null;
    found = (found as Fields)[name];
  }
  return found ?? null;
}

/** A record all of whose fields are absent is absent itself: so nesting and its inverse agree. */
function recordOf(record: Readonly<Record<string, Formula>>, fields: Fields): Value {
  const entries = Object.entries(record).map(
    ([name, one]) => [name, compute(one, fields)] as const,
  );
  const present = entries.filter(([, value]) => value !== null);
  return present.length === 0 ? null : Object.fromEntries(present);
}

type Special = (of: readonly Formula[], fields: Fields) => Value;

/** Operations that do not give null for null, or do not compute all they are given. */
const SPECIAL: Readonly<Record<string, Special>> = {
  and: (of, fields) => joined(of, fields, false),
  or: (of, fields) => joined(of, fields, true),
  coalesce(of, fields) {
    for (const one of of) {
      const value = compute(one, fields);
      if (value !== null) return value;
    }
    return null;
  },
  // Condition, value, condition, value, …, otherwise.
  case(of, fields) {
    for (let at = 0; at + 1 < of.length; at += 2) {
      if (compute(of[at] as Formula, fields) === true)
        return compute(of[at + 1] as Formula, fields);
    }
    return compute(of.at(-1) as Formula, fields);
  },
  nullif(of, fields) {
    const [left = null, right = null] = of.map((one) => compute(one, fields));
    return left === right ? null : left;
  },
  is_null: (of, fields) => compute(of[0] as Formula, fields) === null,
  distinct: (of, fields) => compute(of[0] as Formula, fields) !== compute(of[1] as Formula, fields),
  // What is looked for, then the list.
  in(of, fields) {
    const [wanted = null, ...list] = of.map((one) => compute(one, fields));
    if (wanted === null) return null;
    if (list.includes(wanted)) return true;
    return list.includes(null) ? null : false;
  },
};

/** `and` ends at false, `or` at true; an unknown part leaves it unknown. */
function joined(of: readonly Formula[], fields: Fields, end: boolean): Value {
  let result: Value = !end;
  for (const one of of) {
    const value = compute(one, fields);
    if (value === end) return end;
    if (value === null) result = null;
  }
  return result;
}

type Operation = (...values: Value[]) => Value;

const text = (value: Value): string => value as string;
const num = (value: Value): number => value as number;

const OPERATIONS: Readonly<Record<string, Operation>> = {
  not: (value) => value !== true,
  '=': (left, right) => left === right,
  '<>': (left, right) => left !== right,
  '<': (left, right) => num(left) < num(right),
  '<=': (left, right) => num(left) <= num(right),
  '>': (left, right) => num(left) > num(right),
  '>=': (left, right) => num(left) >= num(right),
  '||': (left, right) => text(left) + text(right),
  'integer +': (left, right) => whole(num(left) + num(right)),
  'integer -': (left, right) => whole(num(left) - num(right)),
  'integer *': (left, right) => whole(num(left) * num(right)),
  'integer /': (left, right) => whole(Math.trunc(num(left) / divisor(right))),
  'integer %': (left, right) => whole(num(left) % divisor(right)),
  'number +': (left, right) => finite(num(left) + num(right)),
  'number -': (left, right) => finite(num(left) - num(right)),
  'number *': (left, right) => finite(num(left) * num(right)),
  'number /': (left, right) => finite(num(left) / divisor(right)),
  negate: (value) => 0 - num(value),
  abs: (value) => Math.abs(num(value)),
  round: (value) => halfToEven(num(value)),
  floor: (value) => Math.floor(num(value)) + 0,
  ceil: (value) => Math.ceil(num(value)) + 0,
  lower: (value) => text(value).toLowerCase(),
  upper: (value) => text(value).toUpperCase(),
  btrim: (value) => text(value).replace(/^ +| +$/g, ''),
  ltrim: (value) => text(value).replace(/^ +/, ''),
  rtrim: (value) => text(value).replace(/ +$/, ''),
  length: (value) => [...text(value)].length,
  replace: (value, from, to) =>
    from === '' ? value : text(value).replaceAll(text(from), () => text(to)),
  split_part: (value, by, at) => partOf(text(value), text(by), num(at)),
  strpos: (value, part) => placeOf(text(value), text(part)),
  left: (value, count) => ends(text(value), num(count), 'left'),
  right: (value, count) => ends(text(value), num(count), 'right'),
  'integer to text': (value) => String(value),
  'boolean to text': (value) => String(value),
  'boolean to integer': (value) => (value === true ? 1 : 0),
  'integer to boolean': (value) => value !== 0,
  'number to integer': (value) => whole(halfToEven(num(value))),
  'text to integer': (value) => whole(Number(matching(text(value), /^[+-]?\d+$/, 'an integer'))),
  'text to number': (value) =>
    finite(Number(matching(text(value), /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i, 'a number'))),
  'text to boolean': (value) => truthOf(text(value)),
};

/** The operations that a formula may call. */
export const CALLS: readonly string[] = [...Object.keys(SPECIAL), ...Object.keys(OPERATIONS)];

function whole(value: number): number {
  if (Number.isSafeInteger(value)) return value + 0;
  throw new FormulaError(`${value} is beyond the integers that can be kept exactly`);
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new FormulaError('a number is out of range');
}

function divisor(value: Value): number {
  if (value === 0) throw new FormulaError('division by zero');
  return num(value);
}

/** As PostgreSQL rounds float8: halves go to the even neighbour. */
function halfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest !== 0.5) return Math.round(value) + 0;
  return (below % 2 === 0 ? below : below + 1) + 0;
}

function matching(value: string, form: RegExp, what: string): string {
  const trimmed = value.trim();
  if (form.test(trimmed)) return trimmed;
  throw new FormulaError(`"${value.slice(0, 40)}" is not ${what}`);
}

function truthOf(value: string): boolean {
  const word = value.trim().toLowerCase();
  if (['t', 'true', 'y', 'yes', 'on', '1'].includes(word)) return true;
  if (['f', 'false', 'n', 'no', 'off', '0'].includes(word)) return false;
  throw new FormulaError(`"${value.slice(0, 40)}" is neither true nor false`);
}

function partOf(value: string, by: string, at: number): string {
  if (at === 0) throw new FormulaError('split_part counts from 1');
  const parts = by === '' ? [value] : value.split(by);
  return parts.at(at > 0 ? at - 1 : at) ?? '';
}

function placeOf(value: string, part: string): number {
  const at = value.indexOf(part);
  return at < 0 ? 0 : [...value.slice(0, at)].length + 1;
}

/** A negative count leaves so many out at the other end. */
function ends(value: string, count: number, side: 'left' | 'right'): string {
  const letters = [...value];
  const kept = count < 0 ? Math.max(0, letters.length + count) : Math.min(count, letters.length);
  const from = side === 'left' ? 0 : letters.length - kept;
  return letters.slice(from, from + kept).join('');
}
