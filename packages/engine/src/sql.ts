// The only way to build SQL: a tag whose holes take typed nodes. A bare string in a hole throws, so
// that no value and no name is ever spliced into SQL text by accident.

import { assertName } from './names.js';

const brand = Symbol('sql');

/** A finished piece of SQL text. */
export interface Sql {
  readonly [brand]: true;
  readonly text: string;
}

/**
 * Builds SQL. Holes: Sql nodes, arrays of Sql (joined with ", "). @throws TypeError on bare values.
 */
export function sql(
  strings: TemplateStringsArray,
  ...holes: readonly (Sql | readonly Sql[])[]
): Sql {
  let text = strings[0] ?? '';
  holes.forEach((hole, index) => {
    text += (isList(hole) ? join(hole) : nodeText(hole)) + (strings[index + 1] ?? '');
  });
  return node(text);
}

/** A quoted identifier, or a qualified one from several parts. */
export function name(...parts: readonly string[]): Sql {
  return node(parts.map((part) => `"${assertName(part).replaceAll('"', '""')}"`).join('.'));
}

export function names(list: readonly string[]): Sql[] {
  return list.map((one) => name(one));
}

/** A string literal, safe whatever standard_conforming_strings says. */
export function literal(value: string): Sql {
  const quoted = `'${value.replaceAll("'", "''")}'`;
  return node(value.includes('\\') ? ` E${quoted.replaceAll('\\', '\\\\')}` : quoted);
}

export function integer(value: number): Sql {
  if (!Number.isSafeInteger(value)) throw new TypeError(`not an integer: ${value}`);
  return node(String(value));
}

/**
 * SQL text that PostgreSQL printed (catalogue) or that its parser accepted (expressions of an
 * evolution). Nothing else may pass here.
 */
export function trusted(text: string): Sql {
  return node(text);
}

export function join(parts: readonly Sql[], separator = ', '): string {
  return parts.map(nodeText).join(separator);
}

export function joined(parts: readonly Sql[], separator = ', '): Sql {
  return node(join(parts, separator));
}

function node(text: string): Sql {
  return { [brand]: true, text };
}

function nodeText(hole: Sql): string {
  if (typeof hole === 'object' && hole !== null && brand in hole) return hole.text;
  throw new TypeError(
    `sql hole takes sql nodes, found ${typeof hole}: wrap it in name() or literal()`,
  );
}

function isList(hole: Sql | readonly Sql[]): hole is readonly Sql[] {
  return Array.isArray(hole);
}
