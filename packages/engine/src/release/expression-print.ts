// Printing a syntax tree as SQL, with a say in how each column is written. The deparser leaves out
// parentheses in a few places where they matter; those are put back here, and the caller compares
// the printed text's tree with the original.

import type { Node } from 'libpg-query';
import { Deparser } from 'pgsql-deparser';
import { type ColumnRefNode, contentOf } from './expression-tree.js';

type Context = Parameters<Deparser['NullTest']>[1];

/** Operands that read the same with and without parentheses in front of IS and a subscript. */
const TIGHT = new Set(['ColumnRef', 'FuncCall', 'A_Const', 'TypeCast', 'A_Expr', 'A_Indirection']);

/** Prints on one line; `column` writes every column reference. */
export function printExpression(node: Node, column: (ref: ColumnRefNode) => string): string {
  return new ExpressionPrinter(node, column).deparseQuery();
}

class ExpressionPrinter extends Deparser {
  readonly #column: (ref: ColumnRefNode) => string;
  readonly #loose = new WeakSet<Node>();

  constructor(node: Node, column: (ref: ColumnRefNode) => string) {
    super(node, { pretty: false });
    this.#column = column;
  }

  override visit(node: Node, context?: Context): string {
    const text = super.visit(node, context);
    return this.#loose.has(node) ? `(${text})` : text;
  }

  override ColumnRef(ref: ColumnRefNode): string {
    return this.#column(ref);
  }

  /** `(not a) is null` must not become `not a is null`. */
  override NullTest(test: Parameters<Deparser['NullTest']>[0], context: Context): string {
    this.#keepApart(test.arg);
    return super.NullTest(test, context);
  }

  override BooleanTest(test: Parameters<Deparser['BooleanTest']>[0], context: Context): string {
    this.#keepApart(test.arg);
    return super.BooleanTest(test, context);
  }

  /** `(array[a, b])[1]` needs its parentheses. */
  override A_Indirection(
    access: Parameters<Deparser['A_Indirection']>[0],
    context: Context,
  ): string {
    this.#keepApart(access.arg);
    return super.A_Indirection(access, context);
  }

  #keepApart(operand: Node | undefined): void {
    if (operand !== undefined && !TIGHT.has(contentOf(operand).kind)) this.#loose.add(operand);
  }
}
