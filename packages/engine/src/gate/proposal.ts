// What a proposed evolution is made of, and what a stage that proposes sees and finds. Pure.
//
// Invariant: nothing is guessed in silence. A change is proposed with the reason for it; where
// there is more than one explanation, or none but a person's, there is a question.

import type { Layout } from '../compile/layout.js';
import type { Catalog, Column } from '../release/catalog.js';
import type { Change, Evolution, Expression } from '../release/evolution.js';
import { columnsOf, readExpression } from '../release/expression.js';
import { name } from '../sql.js';

export interface Proposed {
  readonly change: Change;
  /** A sentence for the author, who may know better. */
  readonly reason: string;
}

/** What goes on under which name: answered by one of the words, or `none`. */
export interface Choose {
  readonly kind: 'choose';
  /** `hosts.owner`: what an answer is given to. The same as long as the releases are. */
  readonly id: string;
  /** What was found. */
  readonly about: string;
  readonly ask: string;
  /** The likeliest first. */
  readonly choices: readonly Choice[];
  /** What follows from `none`. */
  readonly none: string;
}

export interface Choice {
  readonly word: string;
  /** `column owner of hosts goes and column team of hosts comes, both text` */
  readonly about: string;
  readonly change: Change;
}

/** A value that only the author knows: answered by an SQL expression. */
export interface Fill {
  readonly kind: 'fill';
  readonly id: string;
  readonly about: string;
  readonly ask: string;
  /** An expression that PostgreSQL would take; null where there is no likely one. */
  readonly suggestion: string | null;
  /** The change with the suggestion, or with a word for it, in the place. */
  readonly change: Change;
}

export type Question = Choose | Fill;

export interface Proposal {
  /** Without those that were given; in the order in which they are to be written. */
  readonly changes: readonly Proposed[];
  readonly questions: readonly Question[];
  /** What may have been meant and is not proposed, and what is lost at contract. */
  readonly remarks: readonly Remark[];
  /** Ids of the answers that were of use. */
  readonly answered: readonly string[];
}

export interface Remark {
  /** `lost` follows from the schemas; `unsaid` may be a change that only its author can tell. */
  readonly kind: 'lost' | 'unsaid';
  readonly text: string;
}

/** What a stage sees: everything that was found before it is in the layout. */
export interface Sight {
  /** With the types that mean something else in the new release put apart. */
  readonly from: Catalog;
  readonly to: Catalog;
  readonly evolution: Evolution;
  readonly layout: Layout;
  readonly asked: readonly Question[];
  /** The answer to a question, which counts as used; undefined where there is none. */
  answer(id: string): string | undefined;
  /** The same for a value; an answer that is no expression is none. */
  value(id: string): string | undefined;
}

export interface Found {
  readonly changes: readonly Proposed[];
  /** Changes that wait for an answer: what they speak of is spoken for. */
  readonly held: readonly Change[];
  readonly questions: readonly Question[];
  /** Changes that the stages to come do not see, as they would see their tables no more. */
  readonly last?: readonly Proposed[];
}

/** The answer to a question that nothing goes on. */
export const NONE = 'none';

/** What is not read from a file has no place in one. */
export const NOWHERE = { line: 0, column: 0 } as const;

export function expression(sql: string): Expression {
  return { sql, at: NOWHERE };
}

/** Stands for an expression that nobody can guess. */
export const BLANK = '<expression>';

/** A column in an expression, in quotes only where it needs them. */
export function written(column: string): string {
  const reading = /^[a-z_][a-z0-9_]*$/.test(column) ? readExpression(column) : null;
  const isPlain = reading !== null && 'node' in reading && columnsOf(column)[0] === column;
  return isPlain ? column : name(column).text;
}

/** A value of the type that means little: what a column is filled with where nobody cares. */
export function emptyValue({ type }: Column): string | null {
  if (/^(text|character varying|character|citext)\b(?!.*\])/.test(type)) return "''";
  if (/^(smallint|integer|bigint|numeric|real|double precision)\b(?!.*\])/.test(type)) return '0';
  if (type === 'boolean') return 'false';
  if (type.endsWith('[]') || type === 'json' || type === 'jsonb') return "'{}'";
  return null;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
