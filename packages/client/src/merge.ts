// Several sorted lists of rows into one, and the comparison of rows that an ORDER BY stands for.
//
// Invariant: the result is in the stated order or there is no result. A list that is not in that
// order itself (a forgotten ORDER BY, another collation) is an error and never a silently wrong
// answer.

import { HalflapError } from '@halflap/protocol';
import type { FieldDef } from 'pg';
import { type Compare, compareOfType } from './compare.js';

export type Row = Record<string, unknown>;

/** One term of the ORDER BY that the statement itself has. */
export interface OrderBy {
  /** Name of the column in the result. */
  readonly column: string;
  /** Default `asc`. */
  readonly direction?: 'asc' | 'desc';
  /** Default as in SQL: last when ascending, first when descending. */
  readonly nulls?: 'first' | 'last';
  /** For types and collations that have no comparison here; ascending, never called with nulls. */
  readonly compare?: Compare;
}

/**
 * The comparison of rows for an ORDER BY over columns of these types.
 * @throws CLIENT_OPTIONS when a column is missing, or of a type that cannot be compared here.
 */
export function compareRows(
  orderBy: readonly OrderBy[],
  fields: readonly Pick<FieldDef, 'name' | 'dataTypeID'>[],
): (left: Row, right: Row) => number {
  const terms = orderBy.map((term) => compareTerm(term, fields));
  return (left, right) => {
    for (const compare of terms) {
      const order = compare(left, right);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** @throws CLIENT_OPTIONS naming the first row that stands before its predecessor. */
export function assertSorted(
  rows: readonly Row[],
  compare: (left: Row, right: Row) => number,
  shard: string,
): void {
  for (let at = 1; at < rows.length; at += 1) {
    const [before, after] = [rows[at - 1], rows[at]];
    if (before === undefined || after === undefined || compare(before, after) <= 0) continue;
    throw new HalflapError(
      'CLIENT_OPTIONS',
      `gather: row ${at + 1} of shard ${shard} comes before row ${at} in the order of orderBy`,
      {
        detail: { shard },
        hint: 'give the statement the same order by; order text by collate "C", or give compare',
      },
    );
  }
}

/**
 * Merges sorted lists, at most `limit` rows. Among equal rows those of earlier lists come first.
 */
export function mergeSorted<Item>(
  lists: readonly (readonly Item[])[],
  compare: (left: Item, right: Item) => number,
  limit: number,
): Item[] {
  const [first, ...others] = lists;
  if (first === undefined) return [];
  if (others.length === 0) return first.slice(0, limit);
  const middle = Math.ceil(lists.length / 2);
  return mergeTwo(
    mergeSorted(lists.slice(0, middle), compare, limit),
    mergeSorted(lists.slice(middle), compare, limit),
    compare,
    limit,
  );
}

function mergeTwo<Item>(
  left: readonly Item[],
  right: readonly Item[],
  compare: (left: Item, right: Item) => number,
  limit: number,
): Item[] {
  const merged: Item[] = [];
  let [leftAt, rightAt] = [0, 0];
  while (merged.length < limit) {
    const one = left[leftAt];
    const other = right[rightAt];
    if (one === undefined && other === undefined) break;
    if (other === undefined || (one !== undefined && compare(one, other) <= 0)) {
      merged.push(one as Item);
      leftAt += 1;
    } else {
      merged.push(other);
      rightAt += 1;
    }
  }
  return merged;
}

function compareTerm(
  term: OrderBy,
  fields: readonly Pick<FieldDef, 'name' | 'dataTypeID'>[],
): (left: Row, right: Row) => number {
  const field = fields.find((one) => one.name === term.column);
  if (field === undefined) {
    const found = fields.map((one) => one.name).join(', ');
    throw wrongOrder(`names column ${term.column}; the rows have ${found}`);
  }
  const compare = term.compare ?? compareOfType(field.dataTypeID);
  if (compare === undefined) {
    throw wrongOrder(`has no comparison for the type of ${term.column} (oid ${field.dataTypeID})`);
  }
  const sign = term.direction === 'desc' ? -1 : 1;
  const nullSign = (term.nulls ?? (sign === 1 ? 'last' : 'first')) === 'last' ? 1 : -1;
  return (left, right) => {
    const [one, other] = [left[term.column] ?? null, right[term.column] ?? null];
    if (one === null || other === null) {
      return nullSign * (Number(one === null) - Number(other === null));
    }
    return sign * compare(one, other);
  };
}

function wrongOrder(what: string): HalflapError {
  return new HalflapError('CLIENT_OPTIONS', `gather: orderBy ${what}`, {
    hint: 'cast the column to text with collate "C", or give this term a compare function',
  });
}
