// What the SQL of an evolution compares columns with: whoever makes up rows for it has to know the
// values and the rows that it looks for. Read from PostgreSQL's own syntax tree.

import { type Node, parseSync } from 'libpg-query';
import { type ColumnRefNode, childNodes } from './expression-tree.js';

/** A column as it is written; the table is null where only its own name is. */
export interface ComparedColumn {
  /** What the alias before the column stands for, or the alias itself where that is no table. */
  readonly table: string | null;
  readonly column: string;
}

export interface Comparison {
  readonly columns: readonly ComparedColumn[];
  readonly texts: readonly string[];
}

export interface Comparisons {
  readonly compared: readonly Comparison[];
  /** Columns that the statement yields as constants, with those. */
  readonly yielded: ReadonlyMap<string, readonly string[]>;
  /** Columns that it yields as they are, with what they are copies of. */
  readonly copies: ReadonlyMap<string, string>;
}

/** Of a SELECT that the parser has accepted. Needs loadParser() to have been called. */
export function comparisonsIn(text: string): Comparisons {
  const nodes = (parseSync(text).stmts ?? []).flatMap(({ stmt }) =>
    stmt === undefined ? [] : nodesOf(stmt),
  );
  const tables = tablesByAlias(nodes);
  const lists = listsOf(nodes);
  const yielded = new Map<string, string[]>();
  const copies = new Map<string, string>();
  for (const node of nodes) {
    if (!('ResTarget' in node) || node.ResTarget.val === undefined) continue;
    const { name: stated, val } = node.ResTarget;
    const parts = 'ColumnRef' in val ? partsOf(val.ColumnRef) : [];
    const name = stated ?? parts.at(-1);
    if (name === undefined) continue;
    if (parts.length > 0) copies.set(name, parts.join('.'));
    const texts = textsIn(val);
    if (texts.length > 0) yielded.set(name, [...(yielded.get(name) ?? []), ...texts]);
  }
  const compared = nodes.flatMap((node): Comparison[] => {
    if (!('A_Expr' in node)) return [];
    const sides = [node.A_Expr.lexpr, node.A_Expr.rexpr].filter((one) => one !== undefined);
    const columns = sides.flatMap((one) => columnsIn(one, tables));
    const listed = columns.flatMap(({ table, column }) => lists.get(`${table}.${column}`) ?? []);
    return columns.length === 0 ? [] : [{ columns, texts: [...sides.flatMap(textsIn), ...listed] }];
  });
  return { compared, yielded, copies };
}

function tablesByAlias(nodes: readonly Node[]): ReadonlyMap<string, string> {
  return new Map(
    nodes.flatMap((node) => {
      if (!('RangeVar' in node)) return [];
      const { relname = '', alias } = node.RangeVar;
      return [[alias?.aliasname ?? relname, relname] as const];
    }),
  );
}

/** `(values ('a', 1), ('b', 2)) as m(name, number)`: the constants of `m.name` and `m.number`. */
function listsOf(nodes: readonly Node[]): ReadonlyMap<string, readonly string[]> {
  const lists = new Map<string, string[]>();
  for (const node of nodes) {
    if (!('RangeSubselect' in node)) continue;
    const { alias, subquery } = node.RangeSubselect;
    if (subquery === undefined || !('SelectStmt' in subquery)) continue;
    for (const row of subquery.SelectStmt.valuesLists ?? []) {
      const values = 'List' in row ? (row.List.items ?? []) : [];
      for (const [place, value] of values.entries()) {
        const column = alias?.colnames?.[place];
        if (column === undefined || !('String' in column)) continue;
        const called = `${alias?.aliasname}.${column.String.sval}`;
        lists.set(called, [...(lists.get(called) ?? []), ...textsIn(value)]);
      }
    }
  }
  return lists;
}

/** Columns that stand there by themselves: of `a + 1` it is not known which value is looked for. */
function columnsIn(node: Node, tables: ReadonlyMap<string, string>): ComparedColumn[] {
  if ('TypeCast' in node) return node.TypeCast.arg ? columnsIn(node.TypeCast.arg, tables) : [];
  if (!('ColumnRef' in node)) return [];
  const parts = partsOf(node.ColumnRef);
  const column = parts.at(-1);
  if (column === undefined) return [];
  const alias = parts.at(-2);
  return [{ table: alias === undefined ? null : (tables.get(alias) ?? alias), column }];
}

function partsOf({ fields = [] }: ColumnRefNode): string[] {
  return fields.flatMap((one) => ('String' in one ? [one.String.sval ?? ''] : []));
}

/** Constants, and those of a list. */
function textsIn(node: Node): string[] {
  if ('TypeCast' in node) return node.TypeCast.arg ? textsIn(node.TypeCast.arg) : [];
  if ('List' in node) return (node.List.items ?? []).flatMap(textsIn);
  if (!('A_Const' in node)) return [];
  const { sval, ival, fval, boolval } = node.A_Const;
  if (sval !== undefined) return [sval.sval ?? ''];
  // The parser leaves out what is zero or false.
  if (ival !== undefined) return [String(ival.ival ?? 0)];
  if (fval !== undefined) return [fval.fval ?? '0'];
  return boolval === undefined ? [] : [String(boolval.boolval ?? false)];
}

function nodesOf(node: Node): Node[] {
  return [node, ...childNodes(node).flatMap(nodesOf)];
}
