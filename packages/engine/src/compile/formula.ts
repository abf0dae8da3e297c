// An SQL expression over the fields of a message → a formula that servers compute without
// PostgreSQL (client/src/formula.ts). What means the same in both is taken; all else is refused
// here, with its place, and not found out by a message.
//
// Types are told at this point, because JavaScript's numbers do not tell 5 / 2 from 5.0 / 2.

import type { FieldType, Formula, PlainType, RecordShape } from '@halflap/protocol';
import type { Node } from 'libpg-query';
import type { Expression } from '../release/evolution.js';
import { readExpression } from '../release/expression.js';
import { contentOf, lengthOfBytes } from '../release/expression-tree.js';
import { didYouMean } from '../release/suggest.js';
import { FUNCTIONS } from './formula-functions.js';

export interface Typed {
  readonly formula: Formula;
  /** Null for a bare NULL, which fits everywhere. */
  readonly type: FieldType | null;
}

/** What is not taken, and where in the expression it stands (UTF-16 units). */
export class NotTaken extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const PREFIX = 'select ';

/** @throws NotTaken. Needs loadParser() to have been called. */
export function formulaOf({ sql }: Pick<Expression, 'sql'>, shape: RecordShape): Typed {
  const reading = readExpression(sql);
  if ('problem' in reading) throw new NotTaken(reading.problem.message, reading.problem.offset);
  const offsetOf = (location: number) =>
    Math.max(0, lengthOfBytes(PREFIX + sql, location) - PREFIX.length);
  return typed(reading.node, { shape, offsetOf });
}

interface Scope {
  readonly shape: RecordShape;
  readonly offsetOf: (location: number) => number;
}

type Content = Record<string, unknown>;
type Reader = (content: Content, scope: Scope) => Typed;

function typed(node: Node, scope: Scope): Typed {
  const { kind, content } = contentOf(node);
  const reader = READERS[kind];
  if (reader === undefined) throw refusal('it is not taken in a message', content, scope);
  return reader(content, scope);
}

const READERS: Readonly<Record<string, Reader>> = {
  ColumnRef: (content, scope) => field(stringsIn(content.fields), content, scope),
  A_Indirection(content, scope) {
    const { kind, content: inner } = contentOf(content.arg as Node);
    if (kind !== 'ColumnRef') throw refusal('only a field has fields', content, scope);
    return field([...stringsIn(inner.fields), ...stringsIn(content.indirection)], inner, scope);
  },
  A_Const: constant,
  A_Expr: operator,
  BoolExpr(content, scope) {
    const call = { AND_EXPR: 'and', OR_EXPR: 'or', NOT_EXPR: 'not' }[String(content.boolop)];
    const of = nodesIn(content.args).map((one) => ofType(one, 'boolean', scope));
    return { formula: { call: call ?? '', of }, type: 'boolean' };
  },
  NullTest(content, scope) {
    const is: Formula = { call: 'is_null', of: [typed(content.arg as Node, scope).formula] };
    const isNot = content.nulltesttype === 'IS_NOT_NULL';
    return { formula: isNot ? { call: 'not', of: [is] } : is, type: 'boolean' };
  },
  CoalesceExpr(content, scope) {
    const parts = nodesIn(content.args).map((one) => typed(one, scope));
    return {
      formula: { call: 'coalesce', of: parts.map(({ formula }) => formula) },
      type: common(parts, content, scope),
    };
  },
  CaseExpr: caseOf,
  TypeCast: cast,
  FuncCall: call,
};

function field(path: readonly string[], content: Content, scope: Scope): Typed {
  let shape: RecordShape | undefined = scope.shape;
  let type: FieldType | undefined;
  for (const name of path) {
    const found: FieldType | undefined =
      shape !== undefined && Object.hasOwn(shape, name) ? shape[name]?.type : undefined;
    if (found === undefined) {
      const advice = didYouMean(name, Object.keys(shape ?? {}));
      throw refusal(`there is no field "${path.join('.')}"${advice}`, content, scope);
    }
    type = found;
    shape = typeof found === 'object' && 'record' in found ? found.record : undefined;
  }
  return { formula: { field: path }, type: type ?? null };
}

function constant(content: Content, scope: Scope): Typed {
  if (content.isnull === true) return { formula: { value: null }, type: null };
  const inner = (key: string) => content[key] as Content | undefined;
  const [sval, ival, fval] = [inner('sval'), inner('ival'), inner('fval')];
  if (sval) return { formula: { value: String(sval.sval ?? '') }, type: 'text' };
  if (ival) return { formula: { value: Number(ival.ival ?? 0) }, type: 'integer' };
  if (inner('boolval')) {
    return { formula: { value: inner('boolval')?.boolval === true }, type: 'boolean' };
  }
  const value = Number(fval?.fval);
  if (fval === undefined || !Number.isFinite(value)) {
    throw refusal('no such constant is taken in a message', content, scope);
  }
  const isWhole = /^\d+$/.test(String(fval.fval));
  if (isWhole && !Number.isSafeInteger(value)) {
    throw refusal('it is beyond the integers that can be kept exactly', content, scope);
  }
  return { formula: { value }, type: isWhole ? 'integer' : 'number' };
}

function operator(content: Content, scope: Scope): Typed {
  const name = stringsIn(content.name).at(-1) ?? '';
  const right = content.rexpr as Node;
  if (content.lexpr === undefined) {
    const { formula, type } = typed(right, scope);
    if (name !== '-' || !isNumeric(type))
      throw refusal(`"${name}" has no meaning here`, content, scope);
    return { formula: { call: 'negate', of: [formula] }, type };
  }
  const left = typed(content.lexpr as Node, scope);
  switch (content.kind) {
    case 'AEXPR_OP':
      return binary(name, [left, typed(right, scope)], content, scope);
    case 'AEXPR_DISTINCT':
    case 'AEXPR_NOT_DISTINCT': {
      const parts = [left, typed(right, scope)];
      comparable(parts, content, scope);
      const formula: Formula = { call: 'distinct', of: parts.map((one) => one.formula) };
      const isNot = content.kind === 'AEXPR_NOT_DISTINCT';
      return { formula: isNot ? { call: 'not', of: [formula] } : formula, type: 'boolean' };
    }
    case 'AEXPR_NULLIF': {
      const parts = [left, typed(right, scope)];
      comparable(parts, content, scope);
      return { formula: { call: 'nullif', of: parts.map((one) => one.formula) }, type: left.type };
    }
    case 'AEXPR_IN': {
      const items = nodesIn(contentOf(right).content.items).map((one) => typed(one, scope));
      comparable([left, ...items], content, scope);
      const formula: Formula = { call: 'in', of: [left, ...items].map((one) => one.formula) };
      return { formula: name === '<>' ? { call: 'not', of: [formula] } : formula, type: 'boolean' };
    }
    default:
      throw refusal('it is not taken in a message', content, scope);
  }
}

function binary(name: string, parts: readonly Typed[], content: Content, scope: Scope): Typed {
  const of = parts.map(({ formula }) => formula);
  const types = parts.map(({ type }) => type);
  if (name === '=' || name === '<>') {
    comparable(parts, content, scope);
    return { formula: { call: name, of }, type: 'boolean' };
  }
  if (name === '||' && types.every((type) => type === 'text' || type === null)) {
    return { formula: { call: name, of }, type: 'text' };
  }
  if (types.every((type) => isNumeric(type))) {
    // Texts are ordered by a collation that only a database knows.
    if (['<', '<=', '>', '>='].includes(name))
      return { formula: { call: name, of }, type: 'boolean' };
    const type = types.includes('number') ? 'number' : 'integer';
    const isKnown = type === 'integer' ? '+-*/%' : '+-*/';
    if (name.length === 1 && isKnown.includes(name)) {
      return { formula: { call: `${type} ${name}`, of }, type };
    }
  }
  const found = types.map(typeText).join(` ${name} `);
  throw refusal(`"${found}" is not taken in a message; cast what is to be text`, content, scope);
}

function caseOf(content: Content, scope: Scope): Typed {
  const of: Formula[] = [];
  const results: Typed[] = [];
  for (const one of nodesIn(content.args)) {
    const when = contentOf(one).content;
    const condition = when.expr as Node;
    if (content.arg === undefined) of.push(ofType(condition, 'boolean', scope));
    else {
      const parts = [typed(content.arg as Node, scope), typed(condition, scope)];
      of.push(binary('=', parts, content, scope).formula);
    }
    const result = typed(when.result as Node, scope);
    of.push(result.formula);
    results.push(result);
  }
  const last: Typed =
    content.defresult === undefined
      ? { formula: { value: null }, type: null }
      : typed(content.defresult as Node, scope);
  const type = common([...results, last], content, scope);
  return { formula: { call: 'case', of: [...of, last.formula] }, type };
}

/** What PostgreSQL calls the types that a message has. */
const CAST_TYPES: Readonly<Record<string, PlainType>> = {
  text: 'text',
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  bigint: 'integer',
  float8: 'number',
  bool: 'boolean',
};

const CASTS: readonly string[] = [
  'integer to text',
  'boolean to text',
  'boolean to integer',
  'integer to boolean',
  'number to integer',
  'text to integer',
  'text to number',
  'text to boolean',
];

function cast(content: Content, scope: Scope): Typed {
  const { formula, type } = typed(content.arg as Node, scope);
  const name = stringsIn((content.typeName as Content).names).at(-1) ?? '';
  const to = Object.hasOwn(CAST_TYPES, name) ? CAST_TYPES[name] : undefined;
  const known = 'text, integer, bigint, double precision and boolean';
  if (to === undefined) throw refusal(`a message is cast to ${known}, not ${name}`, content, scope);
  if (type === null || type === to || (type === 'integer' && to === 'number')) {
    return { formula, type: to };
  }
  const operation = `${typeText(type)} to ${to}`;
  if (CASTS.includes(operation)) return { formula: { call: operation, of: [formula] }, type: to };
  throw refusal(`${operation} is not taken in a message`, content, scope);
}

function call(content: Content, scope: Scope): Typed {
  const name = stringsIn(content.funcname).at(-1) ?? '';
  const known = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined;
  if (known === undefined) {
    const advice = didYouMean(name, Object.keys(FUNCTIONS));
    throw refusal(`function ${name} is not taken in a message${advice}`, content, scope);
  }
  const parts = nodesIn(content.args).map((one) => typed(one, scope));
  const isFit =
    parts.length === known.takes.length &&
    parts.every(({ type }, at) => type === null || fitsInto(type, known.takes[at] as PlainType));
  if (!isFit) {
    throw refusal(`${name} takes ${known.takes.join(', ') || 'nothing'}`, content, scope);
  }
  const of = parts.map(({ formula }) => formula);
  const isInteger = known.gives === 'same' && parts[0]?.type === 'integer';
  const gives = known.gives === 'same' ? 'number' : known.gives;
  return { formula: { call: known.call, of }, type: isInteger ? 'integer' : gives };
}

/** Whether a value of the type may stand where `wanted` is. */
export function fitsInto(type: FieldType, wanted: FieldType): boolean {
  if (wanted === 'number' && type === 'integer') return true;
  return JSON.stringify(type) === JSON.stringify(wanted);
}

export function typeText(type: FieldType | null): string {
  if (type === null) return 'null';
  if (typeof type === 'string') return type;
  return 'list' in type ? `list of ${typeText(type.list)}` : 'record';
}

function ofType(node: Node, wanted: PlainType, scope: Scope): Formula {
  const { formula, type } = typed(node, scope);
  if (type === null || fitsInto(type, wanted)) return formula;
  throw refusal(
    `it is ${typeText(type)} where ${wanted} is wanted`,
    contentOf(node).content,
    scope,
  );
}

/** The one type of several values. */
function common(parts: readonly Typed[], content: Content, scope: Scope): FieldType | null {
  const types = parts.flatMap(({ type }) => (type === null ? [] : [type]));
  const widest = types.find((type) => types.every((one) => fitsInto(one, type))) ?? null;
  if (widest !== null || types.length === 0) return widest;
  throw refusal(`${types.map(typeText).join(' and ')} are not of one type`, content, scope);
}

function comparable(parts: readonly Typed[], content: Content, scope: Scope): void {
  const type = common(parts, content, scope);
  if (type === null || (typeof type === 'string' && type !== 'json')) return;
  throw refusal(`${typeText(type)} is not compared in a message`, content, scope);
}

function isNumeric(type: FieldType | null): boolean {
  return type === 'integer' || type === 'number' || type === null;
}

function stringsIn(value: unknown): string[] {
  return nodesIn(value).map((node) => ('String' in node ? (node.String.sval ?? '') : ''));
}

function nodesIn(value: unknown): Node[] {
  return Array.isArray(value) ? (value as Node[]) : [];
}

function refusal(message: string, content: Content, { offsetOf }: Scope): NotTaken {
  const location = typeof content.location === 'number' ? content.location : PREFIX.length;
  return new NotTaken(message, offsetOf(location));
}
