// The core (DESIGN section 5): what every restructuring change compiles to. One mapping tells how
// the rows of one relation follow from relations of the other side; lens, sync, backfill and verify
// are generated from mappings alone and know nothing of the kinds of change.
//
// A slice is what is recomputed as a whole: all relations of a cluster are cut into the same
// slices, each by columns of its own. Mostly a slice is one row, by its key; where rows become
// several or several become one, it is all rows that hang together (slices.ts).
//
// Invariant: `query` yields the key columns, the slice columns and `columns`, named as in the
// target, and has at most one row per key.

import type { Table } from '../release/catalog.js';
import type { Sql } from '../sql.js';

/** A relation by its role; where it lives in a given phase is said by a Bind. */
export interface Relation {
  /**
   * `old` and `new` are tables of the releases; `spill` keeps what the old layout cannot hold,
   * `keys` which drawn key stands for which row.
   */
  readonly side: 'old' | 'new' | 'spill' | 'untouched' | 'keys';
  readonly name: string;
}

/** Says what stands for a relation in FROM: a table, a view, a transition table, a subquery. */
export type Bind = (relation: Relation) => Sql;

export interface Touch {
  readonly source: Relation;
  /** Columns of the source that give the slice of the target, in the order of `slice`. */
  readonly slice: readonly string[];
  /** Columns of the source whose change can change the target. */
  readonly watches: readonly string[];
  /** Columns of the target that hold what this source says. */
  readonly feeds: readonly string[];
  /** Whether rows of the target appear and vanish with rows of this source. */
  readonly drives: boolean;
}

/** How columns of a new row lead to the slice: through a key map. */
export interface Via {
  readonly map: Relation;
  /** Its columns that are the slice, in the order of the cluster's key. */
  readonly slice: readonly string[];
  /** Those that the row holds, in the order of the mapping's slice columns. */
  readonly drawn: readonly string[];
}

/** A spill of values of one column, with what follows from the old row that they were kept for. */
export interface KeptValue {
  readonly relation: Relation;
  /** Old columns whose change may end it. */
  readonly watches: readonly string[];
  /** What follows from the old row, over its alias. */
  readonly implied: (alias: string) => Sql;
  /** Whether the old row has no row in the target; null where it always has. */
  readonly isGone: ((alias: string) => Sql) | null;
  readonly type: string;
}

/** A column that hangs on what the new release says in another one, which `source` has. */
export interface Following {
  readonly column: string;
  readonly source: Relation;
}

export interface Mapping {
  readonly target: Relation;
  /** Columns that tell the target's rows apart: those of the slice where a slice is one row. */
  readonly key: readonly string[];
  readonly slice: readonly string[];
  /** Null where the slice columns hold the slice itself. */
  readonly via: Via | null;
  readonly perSlice: 'one row' | 'many rows';
  readonly columns: readonly string[];
  /**
   * Columns given on insertion only: surrogate keys, and what another release's default supplies.
   */
  readonly onInsert: readonly string[];
  /** Spill that keeps which rows of the target are missing; null where none can be. */
  readonly absence: Relation | null;
  /** Spill that keeps values which do not follow from the old row, one relation a column. */
  readonly kept: readonly KeptValue[];
  /** Columns of a new table that follow, too, when the new release writes others. */
  readonly follows?: readonly Following[];
  /**
   * Columns of an old table in which several values may mean one of the new release, each with
   * those that are given back by the same columns, itself among them.
   */
  readonly blurred?: ReadonlyMap<string, readonly string[]>;
  readonly query: (bind: Bind) => Sql;
  readonly touches: readonly Touch[];
}

/** A table of the old release in a cluster. */
export interface OldTable {
  readonly relation: Relation;
  readonly table: Table;
  /** Its columns that hold the cluster's key, in that order. */
  readonly key: readonly string[];
  /**
   * The first one, which has a row for every key; where slices hold many rows, each one of which a
   * row is a slice.
   */
  readonly isBase: boolean;
}

export interface Cluster {
  /** The first old table's name: under it progress, quarantine and machinery are named. */
  readonly id: string;
  /** The base first. */
  readonly olds: readonly OldTable[];
  /**
   * Whether writers of the old release that have nothing to do with each other may meet in one
   * slice.
   */
  readonly takesTurns: boolean;
  readonly forward: readonly Mapping[];
  readonly backward: readonly Mapping[];
}

/** Names of the old tables of some clusters. */
export function oldNames(clusters: readonly { readonly cluster: Cluster }[]): string[] {
  return clusters.flatMap(({ cluster }) => cluster.olds.map((one) => one.table.name));
}

export const oldRelation = (name: string): Relation => ({ side: 'old', name });
export const newRelation = (name: string): Relation => ({ side: 'new', name });
/** A table that is the same in both releases and that no change touches. */
export const untouchedRelation = (name: string): Relation => ({ side: 'untouched', name });
export const keysRelation = (name: string): Relation => ({ side: 'keys', name });
export const spillRelation = (name: string): Relation => ({ side: 'spill', name });

function isSame(left: Relation, right: Relation): boolean {
  return left.side === right.side && left.name === right.name;
}

/** A bind that answers `substitute` for one relation and asks `otherwise` for all others. */
export function bindWith(relation: Relation, substitute: Sql, otherwise: Bind): Bind {
  return (asked) => (isSame(asked, relation) ? substitute : otherwise(asked));
}
