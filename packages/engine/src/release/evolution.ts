// An evolution: what the author states about how one release becomes the next. Everything that the
// two catalogues tell by themselves is left out of it.
//
// Naming rule: `table` and `column` name things of the OLD release, `to` and `into` name things of
// the NEW release; `add_column` names the new release's table. `up` expressions see the old
// release's columns of the row, `down` expressions the new release's.

import type { Query } from './query.js';

export interface Evolution {
  readonly from: string;
  readonly to: string;
  /** Keys that are drawn, and so not to be told from the other release's rows. */
  readonly keys: readonly KeyMap[];
  readonly changes: readonly Change[];
  /** What becomes of rows of the old release that break a rule of the new one. */
  readonly dirty: readonly DirtyPolicy[];
  /** Path of the file, for messages; null when there is no file and all is inferred. */
  readonly file: string | null;
  /** Where a change that is missing belongs: at `changes`, else at the start of the file. */
  readonly changesAt?: Position;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * Where the values of a change stand in the file, for messages: `table`, `columns.first`, `key.id`.
 * Left out where a change was not read from a file.
 */
export type Places = Readonly<Record<string, Position>>;

/** An SQL expression with the place where it stands. */
export interface Expression {
  readonly sql: string;
  readonly at: Position;
  /** Where its character at `offset` (UTF-16 units) stands; left out like `places`. */
  readonly place?: (offset: number) => Position;
}

export type Change =
  | RenameTable
  | RenameColumn
  | RenameLabel
  | ConvertColumn
  | AddColumn
  | DropColumn
  | SplitTable
  | MergeTables
  | LookupChange
  | RekeyTable
  | SlicedChange;

/** Changes by which values that repeat stand in a table of their own, or do not any more. */
export type LookupChange = ExtractTable | InlineTable;

/** Changes whose rows hang together in slices of several. */
export type SlicedChange =
  | UnnestColumn
  | NestTable
  | PartitionRows
  | UniteTables
  | MoveColumn
  | Custom;

export interface RenameTable {
  readonly kind: 'rename_table';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  readonly to: string;
}

export interface RenameColumn {
  readonly kind: 'rename_column';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  readonly column: string;
  readonly to: string;
}

/** A label of an enum has another name in the new release, in whatever column it stands. */
export interface RenameLabel {
  readonly kind: 'rename_label';
  readonly at: Position;
  readonly places?: Places;
  /** Enum of the old release. */
  readonly type: string;
  readonly label: string;
  readonly to: string;
}

/** Some columns of the old release become some columns of the new one, by value. */
export interface ConvertColumn {
  readonly kind: 'convert_column';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  /** Old columns that go away. */
  readonly columns: readonly string[];
  /** New columns that come; for each an `up`, and for each old column a `down`. */
  readonly to: readonly string[];
  readonly up: Readonly<Record<string, Expression>>;
  readonly down: Readonly<Record<string, Expression>>;
  /** Whether the new release may write a value that does not come back. */
  readonly keep?: boolean;
}

/** A value for the rows that the old release has written or will write. */
export interface AddColumn {
  readonly kind: 'add_column';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  readonly column: string;
  readonly up: Expression;
  /** Whether the new release may write another value than follows from the old row. */
  readonly keep?: boolean;
}

/** A value that the old release reads in the rows that the new release writes. */
export interface DropColumn {
  readonly kind: 'drop_column';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  readonly column: string;
  readonly down: Expression;
}

export interface SplitTable {
  readonly kind: 'split_table';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  /** The first part holds one row for every row of the old table. */
  readonly into: readonly SplitPart[];
}

export interface SplitPart {
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  /** New key column → old key column; null when it is to be inferred from the primary keys. */
  readonly key: Readonly<Record<string, string>> | null;
  /** Condition over the old columns; null when every old row has one row in this part. */
  readonly when: Expression | null;
  /** Old column → value that the old release reads while this part has no row. */
  readonly otherwise: Readonly<Record<string, Expression>>;
  /** New key columns of the part that the new release generates (a surrogate id). */
  readonly generate: readonly string[];
}

export interface MergeTables {
  readonly kind: 'merge_tables';
  readonly at: Position;
  readonly places?: Places;
  /** The table of the new release. */
  readonly into: string;
  /**
   * The new table holds one row for every row of the first one, or, where that has a `when`, one
   * for every key that any of them has.
   */
  readonly from: readonly MergedTable[];
}

export interface MergedTable {
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  /** Its key column → new key column; null when it is to be inferred. */
  readonly key: Readonly<Record<string, string>> | null;
  /** Condition over the new columns: which new rows have one here; null when every one has. */
  readonly when: Expression | null;
  /** New column → value that the new release reads while this table has no row. */
  readonly otherwise: Readonly<Record<string, Expression>>;
}

/** Values that repeat become rows of a lookup table, and a reference to it takes their place. */
export interface ExtractTable extends Lookup {
  readonly kind: 'extract_table';
}

/** A reference to a lookup table gives way to the values that it stands for. */
export interface InlineTable extends Lookup {
  readonly kind: 'inline_table';
}

interface Lookup {
  readonly at: Position;
  readonly places?: Places;
  /** Of `extract_table` the table that holds the values, of `inline_table` the lookup table. */
  readonly table: string;
  /** Of `extract_table` the lookup table, of `inline_table` the table that gets the values. */
  readonly into: string;
  /** The column that refers to the lookup table. */
  readonly reference: string;
  /** Column of the lookup table → column that holds its value in the other release. */
  readonly values: Readonly<Record<string, string>>;
}

/** The elements of a column, or of several columns, become rows of a table of their own. */
export interface UnnestColumn extends Nesting {
  readonly kind: 'unnest_column';
}

/** Rows of a table become the elements of a column, or of several columns, of another. */
export interface NestTable extends Nesting {
  readonly kind: 'nest_table';
}

interface Nesting {
  readonly at: Position;
  readonly places?: Places;
  /** Of `unnest_column` the table that has the column, of `nest_table` the one of the rows. */
  readonly table: string;
  /** One column that holds many elements, or several that hold one each. */
  readonly columns: readonly string[];
  /** Of `unnest_column` the table of the rows, of `nest_table` the one that gets the column. */
  readonly into: string;
  /** Column of the rows' table that holds an element. */
  readonly value: string;
  /** Column of the rows' table that holds the place of an element, from 1; null for none. */
  readonly position: string | null;
  /** Column of the rows' table → key column of the other; null when the foreign key tells it. */
  readonly key: Readonly<Record<string, string>> | null;
  /** What stands between elements of a text; null for arrays and JSON. */
  readonly delimiter: string | null;
}

/** Each row of a table goes to one of several tables. */
export interface PartitionRows {
  readonly kind: 'partition_rows';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  readonly into: readonly ShareOfRows[];
}

/** The rows of several tables become those of one. */
export interface UniteTables {
  readonly kind: 'unite_tables';
  readonly at: Position;
  readonly places?: Places;
  readonly into: string;
  readonly from: readonly ShareOfRows[];
}

/** One of several tables among which the rows of one are shared out. */
export interface ShareOfRows {
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  /** Over the columns of the whole: which of its rows are here. */
  readonly when: Expression;
  /** Column of the whole → what it holds in rows of this table, which lacks the column. */
  readonly values: Readonly<Record<string, Expression>>;
}

/** A column goes from a table to one that refers to it: every row that refers gets the value. */
export interface MoveColumn {
  readonly kind: 'move_column';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  readonly column: string;
  /** Table of the new release. */
  readonly to: string;
  /** What the column is called there. */
  readonly as: string;
}

/** The rows of a table get another primary key, which is drawn; references to them follow. */
export interface RekeyTable {
  readonly kind: 'rekey_table';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  /** Columns of its successor that are drawn. */
  readonly columns: readonly string[];
}

/** Tables of both releases, each by a query over the other release's. */
export interface Custom {
  readonly kind: 'custom';
  readonly at: Position;
  readonly places?: Places;
  /**
   * Where it stands for a rekey_table: the tables whose keys it is about, and columns of the new
   * table with those of the old one whose values they have.
   */
  readonly rekeys?: { readonly of: string; readonly kept: ReadonlyMap<string, string> };
  /** The first one names the group. */
  readonly from: readonly CustomTable[];
  /** Those that others refer to first. */
  readonly into: readonly CustomTable[];
}

/**
 * Which row of the old release stands behind which key of the new one. Queries read it like a
 * table: `old_` and `new_` before the names of the columns.
 */
export interface KeyMap {
  readonly at: Position;
  readonly places?: Places;
  readonly name: string;
  /** What it is called in messages; left out where the author has given it its name. */
  readonly called?: string;
  /** Table of the old release: each of its rows has an entry, under its primary key. */
  readonly from: string;
  /** Table of the new release whose rows draw their keys. */
  readonly into: string;
  /** Its columns that are drawn. */
  readonly columns: readonly string[];
  /**
   * How the new row tells the old one's key: its columns → columns of that, or a query that yields
   * the map's columns; null where the old key is drawn too.
   */
  readonly key: Readonly<Record<string, string>> | StatedQuery | null;
}

export interface CustomTable {
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  /** Columns that say which rows hang together, in the same order in all tables. */
  readonly slice: readonly string[];
  /** The key map that tells the slice from these columns; null where they are the slice. */
  readonly via: string | null;
  readonly query: StatedQuery;
}

/**
 * What becomes of rows of the old release that break a rule of the new one: they wait in
 * quarantine, are carried with a stated value, or keep the shard from being prepared.
 */
export interface DirtyPolicy {
  readonly kind: 'quarantine' | 'default' | 'refuse';
  readonly at: Position;
  readonly places?: Places;
  /** Of the new release, whose rule it is. */
  readonly table: string;
  /** Its column, where the rule is that it has a value; else null. */
  readonly column: string | null;
  /** A check, unique key or foreign key of it; else null. */
  readonly constraint: string | null;
  /** Of `default`: new column → its value in such a row, over the old columns. */
  readonly values: Readonly<Record<string, Expression>>;
}

/** A query with the place where it stands. */
export interface StatedQuery {
  readonly query: Query;
  readonly at: Position;
  readonly place?: (offset: number) => Position;
}

/** Whether a key is told by a query, and not column by column. */
export function isQuery(key: KeyMap['key']): key is StatedQuery {
  return key !== null && typeof key.query === 'object';
}
