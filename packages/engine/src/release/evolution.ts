// An evolution: what the author states about how one release becomes the next. Everything that the
// two catalogues tell by themselves is left out of it.
//
// Naming rule: `table` and `column` name things of the OLD release, `to` and `into` name things of
// the NEW release; `add_column` names the new release's table. `up` expressions see the old
// release's columns of the row, `down` expressions the new release's.

export interface Evolution {
  readonly from: string;
  readonly to: string;
  readonly changes: readonly Change[];
  /** Path of the file, for messages; null when there is no file and all is inferred. */
  readonly file: string | null;
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
  | ConvertColumn
  | AddColumn
  | DropColumn
  | SplitTable
  | MergeTables;

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
}

/** A value for the rows that the old release has written or will write. */
export interface AddColumn {
  readonly kind: 'add_column';
  readonly at: Position;
  readonly places?: Places;
  readonly table: string;
  readonly column: string;
  readonly up: Expression;
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
  /** The new table holds one row for every row of the first one. */
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
