// Walking and making nodes of PostgreSQL's syntax tree.

import type { Node } from 'libpg-query';

/** Calls `visit` with every object of the tree that has one of these keys, outermost first. */
export function walk(value: unknown, visit: (node: Record<string, unknown>) => void): void {
  if (Array.isArray(value)) {
    for (const one of value) walk(one, visit);
  } else if (typeof value === 'object' && value !== null) {
    visit(value as Record<string, unknown>);
    for (const one of Object.values(value)) walk(one, visit);
  }
}

/** `a.b`; a null stands for the star. */
export function columnRef(...fields: readonly (string | null)[]): Node {
  return {
    ColumnRef: {
      fields: fields.map(
        (field): Node => (field === null ? { A_Star: {} } : { String: { sval: field } }),
      ),
    },
  };
}

/** The names of a column reference; null for the star. */
export function fieldsOf(node: Node): readonly (string | null)[] | null {
  if (!('ColumnRef' in node)) return null;
  return (node.ColumnRef.fields ?? []).map((field) =>
    'String' in field ? (field.String.sval ?? '') : null,
  );
}

export function text(value: string): Node {
  return { A_Const: { sval: { sval: value } } };
}

export function target(val: Node, name?: string): Node {
  return { ResTarget: name === undefined ? { val } : { name, val } };
}

/** A column that an INSERT names. */
export function into(name: string): Node {
  return { ResTarget: { name } };
}

/** A column of a conflict target. */
export function indexElement(name: string): Node {
  const order = { ordering: 'SORTBY_DEFAULT', nulls_ordering: 'SORTBY_NULLS_DEFAULT' } as const;
  return { IndexElem: { name, ...order } };
}
