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
  readonly tables: readonly TableMention[];
  /** Names of columns that stand anywhere in it; null where a star stands for all. */
  readonly mentions: readonly string[] | null;
}

type Reading = { readonly query: Query } | { readonly problem: Problem };

type Select = Extract<Node, { SelectStmt: unknown }>['SelectStmt'];
type Range = Extract<Node, { RangeVar: unknown }>['RangeVar'];

/** Needs loadParser() to have been called. */
export function readQuery(text: string): Reading {
  const read = parse(text);
  if ('problem' in read) return read;
  const { select, node } = read;
  const columns = outputOf(select);
  if ('problem' in columns) return columns;
  const all = nodesOf(node);
  const own = new Set(
    all.flatMap((one) => ('CommonTableExpr' in one ? [one.CommonTableExpr.ctename ?? ''] : [])),
  );
  const ranges = all
    .flatMap((one) => ('RangeVar' in one ? [one.RangeVar] : []))
    .filter((range) => range.schemaname !== undefined || !own.has(range.relname ?? ''));
  const qualified = ranges.find((range) => range.schemaname !== undefined);
  if (qualified !== undefined) {
    const written = `${qualified.schemaname}.${qualified.relname}`;
    const message = `${written}: a table is named without a schema`;
    return { problem: { message, offset: offsetOf(text, qualified) } };
  }
  const locking = all.find((one) => 'LockingClause' in one);
  if (locking !== undefined || select.intoClause !== undefined) {
    return { problem: { message: 'it must only read: no FOR UPDATE, no INTO', offset: 0 } };
  }
  const refs = all.flatMap((one) => ('ColumnRef' in one ? [one.ColumnRef] : []));
  const isStar = refs.some((ref) => ref.fields?.some((field) => 'A_Star' in field));
  return {
    query: {
      sql: text,
      columns: columns.names,
      tables: ranges
        .map((range) => ({
          table: range.relname ?? '',
          offset: offsetOf(text, range),
          hasAlias: range.alias !== undefined,
        }))
        .sort((left, right) => left.offset - right.offset),
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

/** What the columns of the result are called: those of the first arm of a union. */
function outputOf(select: Select): { names: string[] } | { problem: Problem } {
  const first = select.larg === undefined ? select : firstArm(select);
  const names: string[] = [];
  for (const node of first.targetList ?? []) {
    const target = 'ResTarget' in node ? node.ResTarget : undefined;
    const value = target?.val;
    const called =
      target?.name ??
      (value !== undefined && 'ColumnRef' in value ? lastName(value.ColumnRef) : '');
    if (called === '') {
      const message = 'each column that it yields needs a name: <expression> as <column>, and no *';
      return { problem: { message, offset: 0 } };
    }
    names.push(called);
  }
  return { names };
}

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
