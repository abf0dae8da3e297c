// The definition of an index, as PostgreSQL prints it from the access method on, with other names
// for its columns. As with expressions, names are found in the syntax tree, never in the text, and
// what is printed must parse to the tree that was meant.

import { type Node, parseSync } from 'libpg-query';
import { name } from '../sql.js';
import { shapeOf } from './expression.js';
import { printExpression } from './expression-print.js';
import { childNodes } from './expression-tree.js';

const PREFIX = 'create index on t using ';

/**
 * `btree (lower(a)) WHERE (b > 0)` with every column replaced, in one spelling: two definitions
 * that say the same give the same. The parser must be loaded.
 */
export function bindIndex(definition: string, replace: (column: string) => string): string {
  const tree = parsed(definition);
  rename(tree, replace);
  const text = printExpression(tree, ({ fields }) => {
    const last = fields?.at(-1);
    return name(last !== undefined && 'String' in last ? (last.String.sval ?? '') : '').text;
  });
  const rest = text.slice('CREATE INDEX ON t '.length);
  // The printer leaves out the method that PostgreSQL takes by itself.
  const bound = rest.startsWith('USING ') ? rest.slice('USING '.length) : `btree ${rest}`;
  if (shapeOf(parsed(bound)) !== shapeOf(tree)) {
    throw new Error(`index definition cannot be printed back: ${definition}, nearest is ${bound}`);
  }
  return bound;
}

function parsed(definition: string): Node {
  const tree = parseSync(PREFIX + definition).stmts?.[0]?.stmt;
  if (tree === undefined) throw new Error(`not an index definition: ${definition}`);
  plainOptions(tree);
  return tree;
}

/** `fillfactor=70` says what `fillfactor='70'` says. In place. */
function plainOptions(node: Node): void {
  if ('DefElem' in node && node.DefElem.arg !== undefined && 'Integer' in node.DefElem.arg) {
    node.DefElem.arg = { String: { sval: String(node.DefElem.arg.Integer.ival ?? 0) } };
  }
  for (const child of childNodes(node)) plainOptions(child);
}

/** In place: the tree is the caller's own. */
function rename(node: Node, replace: (column: string) => string): void {
  if ('IndexElem' in node && node.IndexElem.name !== undefined) {
    node.IndexElem.name = replace(node.IndexElem.name);
  }
  if ('ColumnRef' in node) {
    const last = node.ColumnRef.fields?.at(-1);
    if (last !== undefined && 'String' in last) {
      last.String.sval = replace(last.String.sval ?? '');
    }
  }
  for (const child of childNodes(node)) rename(child, replace);
}
