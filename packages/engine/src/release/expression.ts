// SQL expressions of an evolution: accepted by PostgreSQL's own parser, bound to the columns of a
// relation, printed back. Names are found in the syntax tree, never in the text.
//
// Invariant: what is printed parses to the tree that was read. Printing is checked by reading the
// result again, because a lost pair of parentheses would change data silently.
// The parser is WebAssembly: call loadParser() once, then every function here is synchronous.

import { HalflapError } from '@halflap/protocol';
import { hasSqlDetails, loadModule, type Node, parseSync } from 'libpg-query';
import { name } from '../sql.js';
import { printExpression } from './expression-print.js';
import { type Problem, refusalIn } from './expression-rules.js';
import { type ColumnRefNode, childNodes, lengthOfBytes } from './expression-tree.js';

/** A column that an expression mentions, with the place (UTF-16 units) where it stands in it. */
export interface ColumnMention {
  readonly qualifier: string | null;
  readonly column: string;
  readonly offset: number;
}

/** What takes the place of a column: another column, or an expression of its own. */
export type ColumnBinding =
  | { readonly qualifier: string | null; readonly column: string }
  | { readonly expression: string };

type Reading = { readonly node: Node } | { readonly problem: Problem };

const PREFIX = 'select ';

/** Loads PostgreSQL's parser; idempotent. Everything else in this file needs it. */
export function loadParser(): Promise<void> {
  return loadModule();
}

/**
 * Reads one scalar expression over the columns of one row: no query, no aggregate, no window
 * function, no parameter.
 * @throws EVOLUTION_INVALID with the line and column inside the expression.
 */
export function parseExpression(sql: string): Node {
  const reading = readExpression(sql);
  if ('node' in reading) return reading.node;
  throw invalid(sql, reading.problem);
}

/** As parseExpression, for callers that collect problems instead of stopping at the first. */
export function readExpression(sql: string): Reading {
  const reading = readSingle(sql);
  if ('problem' in reading) return reading;
  const problem = refusalIn(reading.node);
  if (problem === null) return reading;
  const offset = lengthOfBytes(PREFIX + sql, problem.offset) - PREFIX.length;
  return { problem: { message: problem.message, offset: Math.max(0, offset) } };
}

/** Names of the columns that the expression mentions, each once, in order of appearance. */
export function columnsOf(sql: string): string[] {
  return [...new Set(columnMentions(sql).map((mention) => mention.column))];
}

/** Every mention of a column, in order of appearance. */
export function columnMentions(sql: string): ColumnMention[] {
  return columnRefs(parseExpression(sql))
    .map((ref) => {
      const names = fieldsOf(ref);
      const bytes = ref.location ?? 0;
      return {
        qualifier: names.length > 1 ? (names[0] ?? null) : null,
        column: names.at(-1) ?? '',
        offset: Math.max(0, lengthOfBytes(PREFIX + sql, bytes) - PREFIX.length),
      };
    })
    .sort((left, right) => left.offset - right.offset);
}

/**
 * Replaces every column of the expression and prints the result: `memory * 2` becomes
 * `"old"."memory" * 2`. An expression that takes a column's place is put in parentheses. What a
 * function, type or operator is called stays as written.
 * @throws EVOLUTION_INVALID when the expression does not parse or cannot be printed faithfully.
 */
export function bindColumns(sql: string, replace: (column: string) => ColumnBinding): string {
  const node = parseExpression(sql);
  const texts = new Map<ColumnRefNode, string>();
  const frame = new Map<ColumnRefNode, string>();
  for (const ref of columnRefs(node)) {
    const own = columnText(fieldsOf(ref));
    const binding = replace(fieldsOf(ref).at(-1) ?? '');
    const isExpression = 'expression' in binding;
    texts.set(ref, isExpression ? `(${assertSingle(binding.expression)})` : boundText(binding));
    frame.set(ref, isExpression ? `(${own})` : own);
  }
  assertFaithful(sql, node, frame);
  return printExpression(node, (ref) => texts.get(ref) ?? '');
}

/**
 * Prints the expression with its own columns and compares trees. A binding is a primary expression
 * wherever a column is one, so a frame that survives this survives the binding too.
 */
function assertFaithful(sql: string, node: Node, frame: ReadonlyMap<ColumnRefNode, string>): void {
  const printed = printExpression(node, (ref) => frame.get(ref) ?? '');
  const again = readSingle(printed);
  if ('node' in again && shapeOf(again.node) === shapeOf(node)) return;
  throw invalid(sql, {
    message: `it cannot be printed back faithfully; the nearest is ${printed}`,
    offset: 0,
  });
}

/** Reads what stands between `select` and the end as exactly one target without a name. */
function readSingle(sql: string): Reading {
  const first = read(`${PREFIX}${sql}\n`);
  if ('problem' in first) {
    const offset = first.problem.offset - PREFIX.length;
    return { problem: { ...first.problem, offset: Math.max(0, Math.min(offset, sql.length)) } };
  }
  const { targetList, limitOption, op, ...rest } = first.select;
  const target = targetList?.[0];
  const value = target !== undefined && 'ResTarget' in target ? target.ResTarget : undefined;
  if (targetList === undefined && op === 'SETOP_NONE') {
    return { problem: { message: 'it is empty', offset: 0 } };
  }
  const node = value?.val;
  const isBare =
    node !== undefined &&
    targetList?.length === 1 &&
    value?.name === undefined &&
    value?.indirection === undefined &&
    Object.keys(rest).length === 0;
  // `a;` and `all a` pass as a select but not between parentheses.
  if (!isBare || 'problem' in read(`${PREFIX}(${sql}\n)`)) {
    return { problem: { message: 'it is not a single expression', offset: 0 } };
  }
  return { node };
}

type SelectReading =
  | { readonly select: Extract<Node, { SelectStmt: unknown }>['SelectStmt'] }
  | { readonly problem: Problem };

function read(text: string): SelectReading {
  try {
    const statements = parseSync(text).stmts ?? [];
    const statement = statements[0]?.stmt;
    if (statements.length !== 1 || statement === undefined || !('SelectStmt' in statement)) {
      return { problem: { message: 'it is not a single expression', offset: 0 } };
    }
    return { select: statement.SelectStmt };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    // The parser counts characters, JavaScript UTF-16 units.
    const before = [...text].slice(0, error.sqlDetails?.cursorPosition ?? 0).join('');
    return { problem: { message: error.message, offset: before.length } };
  }
}

function assertSingle(expression: string): string {
  const reading = readSingle(expression);
  if ('node' in reading) return expression;
  throw invalid(expression, reading.problem);
}

function columnRefs(node: Node): ColumnRefNode[] {
  if ('ColumnRef' in node) return [node.ColumnRef];
  return childNodes(node).flatMap(columnRefs);
}

function fieldsOf(ref: ColumnRefNode): string[] {
  return (ref.fields ?? []).map((field) => ('String' in field ? (field.String.sval ?? '') : ''));
}

function boundText({ qualifier, column }: { qualifier: string | null; column: string }): string {
  return columnText(qualifier === null ? [column] : [qualifier, column]);
}

function columnText(parts: readonly string[]): string {
  return name(...parts).text;
}

/** The tree without the places where its parts stood. */
export function shapeOf(node: Node): string {
  return JSON.stringify(node, (key, value) =>
    key === 'location' || key.startsWith('rexpr_list_') || key.startsWith('list_')
      ? undefined
      : value,
  );
}

function invalid(sql: string, problem: Problem): HalflapError {
  const before = sql.slice(0, problem.offset).split('\n');
  const line = before.length;
  const column = (before.at(-1)?.length ?? 0) + 1;
  return new HalflapError(
    'EVOLUTION_INVALID',
    `expression "${sql}" is refused at character ${problem.offset + 1}: ${problem.message}`,
    {
      detail: { line, column },
      hint: 'Write one scalar SQL expression over the columns of one row.',
    },
  );
}
