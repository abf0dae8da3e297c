// PostgreSQL's own parser, and its counterpart that prints a tree as SQL. Loaded when a shard is
// first seen through a lens: a server that never meets one does not pay for it.
//
// Invariant: what is printed parses to the tree that was to be printed.

import type { Node } from 'libpg-query';
import type { Deparser } from 'pgsql-deparser';

export interface Grammar {
  /** The statements of a text; null where it does not parse, which PostgreSQL says better. */
  read(text: string): readonly Node[] | null;
  /** One statement as SQL; null where it cannot be printed faithfully. */
  print(statement: Node): string | null;
}

let loading: Promise<Grammar> | undefined;

/** Idempotent; some tens of milliseconds the first time. */
export function loadGrammar(): Promise<Grammar> {
  loading ??= load();
  return loading;
}

async function load(): Promise<Grammar> {
  const [{ loadModule, parseSync }, deparser] = await Promise.all([
    import('libpg-query'),
    import('pgsql-deparser'),
  ]);
  await loadModule();
  const Printer = printerOf(deparser.Deparser);
  const read = (text: string) => {
    try {
      return (parseSync(text).stmts ?? []).flatMap(({ stmt }) => stmt ?? []);
    } catch {
      return null;
    }
  };
  return {
    read,
    print(statement) {
      let text: string;
      try {
        text = new Printer(statement, { pretty: false }).deparseQuery();
      } catch {
        return null;
      }
      const again = read(text);
      return again?.length === 1 && shapeOf(again[0]) === shapeOf(statement) ? text : null;
    },
  };
}

type Context = Parameters<Deparser['NullTest']>[1];

/** Operands that read the same with and without parentheses in front of IS and a subscript. */
const TIGHT = new Set(['ColumnRef', 'FuncCall', 'A_Const', 'TypeCast', 'A_Expr', 'A_Indirection']);

/** The deparser leaves out parentheses in a few places where they matter; they are put back. */
function printerOf(Base: typeof Deparser) {
  return class Printer extends Base {
    readonly #loose = new WeakSet<Node>();

    override visit(node: Node, context?: Context): string {
      const text = super.visit(node, context);
      return this.#loose.has(node) ? `(${text})` : text;
    }

    override NullTest(test: Parameters<Deparser['NullTest']>[0], context: Context): string {
      this.#keepApart(test.arg);
      return super.NullTest(test, context);
    }

    override BooleanTest(test: Parameters<Deparser['BooleanTest']>[0], context: Context): string {
      this.#keepApart(test.arg);
      return super.BooleanTest(test, context);
    }

    override A_Indirection(
      access: Parameters<Deparser['A_Indirection']>[0],
      context: Context,
    ): string {
      this.#keepApart(access.arg);
      return super.A_Indirection(access, context);
    }

    #keepApart(operand: Node | undefined): void {
      const kind = operand === undefined ? '' : (Object.keys(operand)[0] ?? '');
      if (operand !== undefined && !TIGHT.has(kind)) this.#loose.add(operand);
    }
  };
}

/** The tree without the places where its parts stood, its members in one order. */
function shapeOf(node: Node | undefined): string {
  return JSON.stringify(node, (key, value) => {
    if (key === 'location' || key.startsWith('rexpr_list_') || key.startsWith('list_')) return;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
