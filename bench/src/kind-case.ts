// What a pair of releases for one kind of change holds, so that its cost can be measured.
//
// In fills, $1 is the number of rows of the largest table. In statements, $1 is a key from 1 to
// that number divided by `perKey`, and $2, in writes alone, a number that differs from one to the
// next: what a write sets is nearly always another value.

export interface KindCase {
  readonly kind: string;
  /** So many rows of the largest table belong to one key; 1 where it is left out. */
  readonly perKey?: number;
  /** The list below `changes` in evolution.yaml. */
  readonly changes: string;
  readonly old: Side;
  readonly new: Side;
}

/** A release: its schema, the same rows in each of the two, and its statements by key. */
export interface Side {
  readonly schema: string;
  readonly fill: readonly string[];
  readonly read: string;
  readonly write: string;
}

/** The numbers from 1 to that of the rows, as i. */
export const ROWS = 'generate_series(1, $1::int) as i';
