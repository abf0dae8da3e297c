// A few questions about the form of an expression, answered on PostgreSQL's own syntax tree.

import type { Node } from 'libpg-query';
import { columnsOf, parseExpression } from '../release/expression.js';

/**
 * Columns c for which the condition can only hold when `c is not null` (its top-level conjuncts).
 */
export function conjunctsNotNull(condition: string): string[] {
  return conjuncts(parseExpression(condition)).flatMap((node) => {
    if (!('NullTest' in node) || node.NullTest.nulltesttype !== 'IS_NOT_NULL') return [];
    const field = columnField(node.NullTest.arg);
    return field === null ? [] : [field];
  });
}

/** Whether the condition says no more than that these columns are not null. */
export function isNotNullAlone(condition: string, columns: ReadonlySet<string>): boolean {
  const said = conjunctsNotNull(condition);
  const isAll = conjuncts(parseExpression(condition)).length === said.length;
  return isAll && said.every((one) => columns.has(one));
}

/** Whether the expression is a constant, with or without casts: safe to repeat at any time. */
export function isConstant(expression: string): boolean {
  let node: Node | undefined = parseExpression(expression);
  while (node !== undefined && 'TypeCast' in node) node = node.TypeCast.arg;
  return node !== undefined && 'A_Const' in node;
}

export function mentionsAny(expression: string, columns: ReadonlySet<string>): boolean {
  return columnsOf(expression).some((column) => columns.has(column));
}

function conjuncts(node: Node): Node[] {
  if ('BoolExpr' in node && node.BoolExpr.boolop === 'AND_EXPR') {
    return (node.BoolExpr.args ?? []).flatMap(conjuncts);
  }
  return [node];
}

function columnField(node: Node | undefined): string | null {
  if (node === undefined || !('ColumnRef' in node)) return null;
  const last = node.ColumnRef.fields?.at(-1);
  return last !== undefined && 'String' in last ? (last.String.sval ?? null) : null;
}
