// The definition of a view, the same from every server version.
//
// PostgreSQL 14 and 15 print the columns of a view over one relation with that relation's name in
// front, 16 and later without (ruleutils.c: a view's query no longer carries OLD and NEW). The
// names are taken away where the parser finds them; everything else stays as it was printed.

import { type Node, parseSync } from 'libpg-query';
import { childNodes, contentOf } from './expression-tree.js';

type Select = Extract<Node, { SelectStmt: unknown }>['SelectStmt'];

/** Needs loadParser() to have been called. Text that does not parse comes back as it is. */
export function canonicalView(definition: string): string {
  const select = topSelect(definition);
  const alias = select === null ? null : onlyRelation(select);
  if (select === null || alias === null) return definition;
  const bytes = Buffer.from(definition);
  const prefix = Buffer.from(`${quoteIdentifier(alias)}.`);
  const starts = referencesTo(alias, select).filter((start) =>
    bytes.subarray(start, start + prefix.length).equals(prefix),
  );
  const kept: Buffer[] = [];
  let from = 0;
  for (const start of starts.sort((left, right) => left - right)) {
    kept.push(bytes.subarray(from, start));
    from = start + prefix.length;
  }
  return Buffer.concat([...kept, bytes.subarray(from)]).toString();
}

function topSelect(definition: string): Select | null {
  try {
    const statement = parseSync(definition).stmts?.[0]?.stmt;
    return statement !== undefined && 'SelectStmt' in statement ? statement.SelectStmt : null;
  } catch {
    return null;
  }
}

/** The name of the one relation in FROM; null for none, several, or a join. */
function onlyRelation(select: Select): string | null {
  const [item, ...more] = select.fromClause ?? [];
  if (item === undefined || more.length > 0) return null;
  if ('RangeVar' in item) return item.RangeVar.alias?.aliasname ?? item.RangeVar.relname ?? null;
  if ('RangeSubselect' in item) return item.RangeSubselect.alias?.aliasname ?? null;
  if ('RangeFunction' in item) return item.RangeFunction.alias?.aliasname ?? null;
  return null;
}

/** Where the query itself, not one inside it, names a column of the relation; in bytes. */
function referencesTo(alias: string, select: Select): number[] {
  const walk = (node: Node): number[] => {
    const { kind } = contentOf(node);
    if (kind === 'SelectStmt' || kind === 'WithClause') return [];
    if (!('ColumnRef' in node)) return childNodes(node).flatMap(walk);
    const [first, second] = node.ColumnRef.fields ?? [];
    const isMatch = first !== undefined && 'String' in first && first.String.sval === alias;
    return isMatch && second !== undefined ? [node.ColumnRef.location ?? 0] : [];
  };
  const { fromClause: _, withClause: __, ...rest } = select;
  return childNodes(rest as Node).flatMap(walk);
}

/** As quote_identifier does it for names that are no keywords; a keyword stays and does no harm. */
function quoteIdentifier(identifier: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(identifier)
    ? identifier
    : `"${identifier.replaceAll('"', '""')}"`;
}
