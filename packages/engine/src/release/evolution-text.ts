// A change as evolution.yaml states it: the inverse of the parser. On one line where it fits, for a
// message as for a file; quotes only where YAML needs them.

import { Document, isCollection, visit } from 'yaml';
import type { Change, Expression, MergedTable, SplitPart } from './evolution.js';
import { restructuredFields } from './evolution-restructured-text.js';

/** What fits into a line of a file, below `changes:`. */
const MAX_COLUMNS = 96;

/** `- rename_column: { table: hosts, column: owner, to: team }`; no line break at the end. */
export function changeText(change: Change): string {
  const stated = [{ [change.kind]: fieldsOf(change) }];
  if (change.kind === 'split_table' || change.kind === 'merge_tables') return printed(stated, 4);
  const line = printed(stated, 2);
  return line.length > MAX_COLUMNS ? printed(stated, 3) : line;
}

/** Without defaults, and in the order in which people read them. */
function fieldsOf(change: Change): Record<string, unknown> {
  switch (change.kind) {
    case 'rename_table':
      return { table: change.table, to: change.to };
    case 'rename_column':
      return { table: change.table, column: change.column, to: change.to };
    case 'rename_label':
      return { type: change.type, label: change.label, to: change.to };
    case 'convert_column': {
      const { table, columns, to } = change;
      const [column] = columns;
      const isSame = columns.join() === to.join();
      const isSingle = columns.length === 1 && to.length === 1;
      return {
        table,
        ...(columns.length === 1 ? { column } : { columns }),
        ...(isSame ? {} : { to: to.length === 1 ? to[0] : to }),
        up: isSingle ? textsOf(change.up)[to[0] ?? ''] : textsOf(change.up),
        down: isSingle ? textsOf(change.down)[column ?? ''] : textsOf(change.down),
        ...(change.keep && { keep: 'true' }),
      };
    }
    case 'add_column':
      return {
        table: change.table,
        column: change.column,
        up: change.up.sql,
        ...(change.keep && { keep: 'true' }),
      };
    case 'drop_column':
      return { table: change.table, column: change.column, down: change.down.sql };
    case 'split_table':
      return { table: change.table, into: tablesOf(change.into) };
    case 'merge_tables':
      return { into: change.into, from: tablesOf(change.from) };
    default:
      return restructuredFields(change);
  }
}

function tablesOf(parts: readonly (SplitPart | MergedTable)[]): Record<string, unknown> {
  const entries = parts.map((part) => {
    const generate = 'generate' in part ? part.generate : [];
    return [
      part.table,
      {
        ...(part.key === null ? {} : { key: part.key }),
        ...(part.when === null ? {} : { when: part.when.sql }),
        ...(Object.keys(part.otherwise).length === 0 ? {} : { otherwise: textsOf(part.otherwise) }),
        ...(generate.length === 0 ? {} : { generate }),
      },
    ];
  });
  return Object.fromEntries(entries);
}

function textsOf(values: Readonly<Record<string, Expression>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, { sql }]) => [key, sql]));
}

/** @param flowDepth the depth from which on collections stand between brackets. */
function printed(value: unknown, flowDepth: number): string {
  const document = new Document(value);
  visit(document, {
    Collection(_, node, path) {
      node.flow = path.filter(isCollection).length >= flowDepth;
    },
  });
  return document.toString({ lineWidth: 0 }).trimEnd();
}
