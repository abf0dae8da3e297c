// SELECT statements of an evolution: accepted by PostgreSQL's own parser, with the tables that they
// read found in the syntax tree. A table is replaced where the parser says that it stands.

import { hasSqlDetails, type Node, parseSync } from 'libpg-query';
import { name } from '../sql.js';
import type { Problem } from './expression-rules.js';
import { type ColumnRefNode, childNodes, lengthOfBytes } from './expression-tree.js';

/** A table that a query reads, with the place (UTF-16 units) where its name stands. */
export interface TableMention {
  readonly table: string;
  readonly offset: number;
  readonly hasAlias: boolean;
}

export interface Query {
  readonly sql: string;
  /** Names of the columns that it yields, in order. */
  readonly columns: readonly string[];
  /** The same, with the places where they stand in the first arm of a union. */
  readonly outputs: readonly { readonly column: string; readonly offset: number }[];
  readonly tables: readonly TableMention[];
  /** What its `with` names; nothing of that name is among the tables. */
  readonly ctes: readonly { readonly name: string; readonly offset: number }[];
  /** Names of columns that stand anywhere in it; null where a star stands for all. */
  readonly mentions: readonly string[] | null;
}

type Reading = { readonly query: Query } | { readonly problem: Problem };

type Select = Extract<Node, { SelectStmt: unknown }>['SelectStmt'];
type Range = Extract<Node, { RangeVar: unknown }>['RangeVar'];

/** Nodes that lock rows or write them, wherever they stand. */
const WRITES = ['LockingClause', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'];

/** Needs loadParser() to have been called. */
export function readQuery(text: string): Reading {
  const read = parse(text);
  if ('problem' in read) return read;
  const { select, node } = read;
  const output = outputOf(text, firstArm(select));
  if ('problem' in output) return output;
  const all = nodesOf(node);
  const ctes = all
    .flatMap((one) => ('CommonTableExpr' in one ? [one.CommonTableExpr] : []))
    .map((one) => ({ name: one.ctename ?? '', offset: lengthOfBytes(text, one.location ?? 0) }));
  const own = new Set(ctes.map((one) => one.name));
  const ranges = all
    .flatMap((one) => ('RangeVar' in one ? [one.RangeVar] : []))
    .filter((range) => range.schemaname !== undefined || !own.has(range.relname ?? ''));
  const qualified = ranges.find((range) => range.schemaname !== undefined);
  if (qualified !== undefined) {
    const written = `${qualified.schemaname}.${qualified.relname}`;
    const message = `${written}: a table is named without a schema`;
    return { problem: { message, offset: offsetOf(text, qualified) } };
  }
  if (select.intoClause !== undefined || all.some((one) => WRITES.some((kind) => kind in one))) {
    return { problem: { message: 'it must only read: no FOR UPDATE, no INTO', offset: 0 } };
  }
  const refs = all.flatMap((one) => ('ColumnRef' in one ? [one.ColumnRef] : []));
  const isStar = refs.some((ref) => ref.fields?.some((field) => 'A_Star' in field));
  return {
    query: {
      sql: text,
      columns: output.columns.map((one) => one.column),
      outputs: output.columns,
      tables: ranges
        .map((range) => ({
          table: range.relname ?? '',
          offset: offsetOf(text, range),
          hasAlias: range.alias !== undefined,
        }))
        .sort((left, right) => left.offset - right.offset),
      ctes,
      mentions: isStar ? null : [...new Set(refs.map(lastName))],
    },
  };
}

/** The query with every table replaced: by SQL that may stand in FROM. */
export function bindTables({ sql, tables }: Query, replace: (table: string) => string): string {
  let text = '';
  let from = 0;
  for (const { table, offset, hasAlias } of tables) {
    text += sql.slice(from, offset) + replace(table);
    // Elsewhere in the query its columns may be called by its name.
    if (!hasAlias) text += ` as ${name(table).text}`;
    from = offset + identifierAt(sql, offset).length;
  }
  return text + sql.slice(from);
}

function parse(text: string): { select: Select; node: Node } | { problem: Problem } {
  try {
    const statements = parseSync(text).stmts ?? [];
    const node = statements[0]?.stmt;
    if (statements.length !== 1 || node === undefined || !('SelectStmt' in node)) {
      return { problem: { message: 'it is not a single SELECT', offset: 0 } };
    }
    return { select: node.SelectStmt, node };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const before = [...text].slice(0, error.sqlDetails?.cursorPosition ?? 0).join('');
    return { problem: { message: error.message, offset: before.length } };
  }
}

/** What the columns of the result are called. */
function outputOf(
  text: string,
  first: Select,
): { columns: Query['outputs'] } | { problem: Problem } {
  const columns: { column: string; offset: number }[] = [];
  const targets = (first.targetList ?? []).flatMap((node) =>
    'ResTarget' in node ? [node.ResTarget] : [],
  );
  if (targets.length === 0) return { problem: { message: NAMELESS, offset: 0 } };
  for (const { name: stated, val, location } of targets) {
    const offset = lengthOfBytes(text, location ?? 0);
    const isColumn = val !== undefined && 'ColumnRef' in val;
    const column = stated ?? (isColumn ? lastName(val.ColumnRef) : '');
    if (column === '') return { problem: { message: NAMELESS, offset } };
    if (columns.some((one) => one.column === column)) {
      return { problem: { message: `it yields column "${column}" twice`, offset } };
    }
    columns.push({ column, offset });
  }
  return { columns };
}

const NAMELESS = 'each column that it yields needs a name: <expression> as <column>, and no *';

function firstArm(select: Select): Select {
  return select.larg === undefined ? select : firstArm(select.larg);
}

/** The last part of a column's name; empty for a star. */
function lastName(ref: ColumnRefNode): string {
  const last = ref.fields?.at(-1);
  return last !== undefined && 'String' in last ? (last.String.sval ?? '') : '';
}

function nodesOf(node: Node): Node[] {
  return [node, ...childNodes(node).flatMap(nodesOf)];
}

function offsetOf(text: string, { location }: Range): number {
  return lengthOfBytes(text, location ?? 0);
}

function identifierAt(text: string, offset: number): string {
  return /^(?:"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*)/u.exec(text.slice(offset))?.[0] ?? '';
}
