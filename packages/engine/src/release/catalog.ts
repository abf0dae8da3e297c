// What a release's schema is, as data: the part of PostgreSQL's catalogue that applications can
// see.
//
// Invariant: two databases that behave the same give the same value, whatever server version or
// dump tool made them; names come without schema when they are in the schema that was read.

export interface Catalog {
  readonly tables: readonly Table[];
  /** Of all tables, each after the one that it is a part of: made on shards, and never compared. */
  readonly partitions: readonly Partition[];
  readonly sequences: readonly Sequence[];
  readonly enums: readonly Enum[];
  readonly domains: readonly Domain[];
  /** Views, functions and triggers as PostgreSQL prints them: compared, not understood. */
  readonly others: readonly OtherObject[];
}

export interface Table {
  readonly name: string;
  /** In the order of the table. */
  readonly columns: readonly Column[];
  readonly primaryKey: Key | null;
  readonly uniques: readonly Key[];
  readonly checks: readonly Check[];
  readonly exclusions: readonly Exclusion[];
  readonly foreignKeys: readonly ForeignKey[];
  /** Indexes that no constraint owns. */
  readonly indexes: readonly Index[];
  readonly comment: string | null;
  readonly rowSecurity: boolean;
  /** Whether it binds the owner of the table too. */
  readonly rowSecurityForced: boolean;
  /** As PostgreSQL prints the key: `RANGE (at)`; null for a table without partitions. */
  readonly partitionedBy: string | null;
  /** `halflap`-free names of the triggers that the release itself defines on the table. */
  readonly triggers: readonly string[];
  /** Whatever is not as PostgreSQL has it by itself, and comments on what hangs on the table. */
  readonly settings: readonly Setting[];
}

/**
 * How a table is kept, or what is said of it: nothing that a statement of an application can tell.
 * Customers tune it, so it is no part of what a release is recognized by.
 */
export interface Setting {
  readonly of: 'table' | 'column' | 'constraint' | 'index' | 'statistics';
  /** Of the column, the constraint …; empty for the table itself. */
  readonly name: string;
  /** `option fillfactor`, `replica identity`, `statistics target`, `comment`. */
  readonly key: string;
  readonly value: string;
}

/** A part of a partitioned table. Which there are is the customer's business from then on. */
export interface Partition {
  /** The table whose rows it holds. */
  readonly table: string;
  /** What it is a part of: the table, or another of its partitions. */
  readonly of: string;
  readonly name: string;
  /** `FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`, `DEFAULT`. */
  readonly bound: string;
  readonly partitionedBy: string | null;
}

export interface Column {
  readonly name: string;
  /** As format_type prints it: `character varying(40)`, `timestamp with time zone`. */
  readonly type: string;
  readonly notNull: boolean;
  /** Expression as pg_get_expr prints it; null for none, and for identity and generated columns. */
  readonly default: string | null;
  readonly identity: 'always' | 'by default' | null;
  /** Options of an identity's sequence, all of them where one is not the default; else null. */
  readonly identityOptions: string | null;
  readonly generated: string | null;
  readonly generatedKind: 'stored' | 'virtual' | null;
  /** Only when it is not the type's own; as SQL names it: `"C"`. */
  readonly collation: string | null;
  readonly comment: string | null;
}

export interface Key {
  readonly name: string;
  readonly columns: readonly string[];
  readonly deferrable: 'no' | 'immediate' | 'deferred';
  /** As pg_get_constraintdef prints it. */
  readonly definition: string;
}

export interface Check {
  readonly name: string;
  /** The bare expression, without CHECK and its parentheses. */
  readonly expression: string;
  readonly columns: readonly string[];
}

/** Of two rows, not all operators may hold. */
export interface Exclusion {
  readonly name: string;
  /** All columns that it mentions anywhere. */
  readonly columns: readonly string[];
  readonly elements: readonly { readonly expression: string; readonly operator: string }[];
  /** Of which rows it speaks; null for all. */
  readonly predicate: string | null;
  readonly deferrable: 'no' | 'immediate' | 'deferred';
  /** As pg_get_constraintdef prints it. */
  readonly definition: string;
}

export type ForeignKeyAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default';

export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  readonly referencedTable: string;
  readonly referencedColumns: readonly string[];
  readonly onDelete: ForeignKeyAction;
  readonly onUpdate: ForeignKeyAction;
  readonly match: 'simple' | 'full';
  readonly deferrable: 'no' | 'immediate' | 'deferred';
}

export interface Index {
  readonly name: string;
  readonly isUnique: boolean;
  /** Key columns; an expression key stands as null. */
  readonly columns: readonly (string | null)[];
  /** All columns that the index mentions anywhere: keys, expressions, include, predicate. */
  readonly mentions: readonly string[];
  /** From the access method on: `btree (lower(name)) WHERE (deleted IS NULL)`. */
  readonly definition: string;
}

export interface Sequence {
  readonly name: string;
  readonly type: string;
  readonly start: string;
  readonly increment: string;
  /** `minvalue 0 maxvalue 9 cache 1 cycle`, all of them where one is not the default; else null. */
  readonly options: string | null;
  /** `table.column` that owns it (serial), or null. Identity sequences are not listed. */
  readonly ownedBy: string | null;
}

export interface Enum {
  readonly name: string;
  readonly labels: readonly string[];
}

export interface Domain {
  readonly name: string;
  readonly definition: string;
}

export interface OtherObject {
  readonly kind:
    | 'view'
    | 'materialized view'
    | 'foreign table'
    | 'function'
    | 'trigger'
    | 'rule'
    | 'policy'
    | 'type';
  /** `table.name` for what belongs to a table, `name(types)` for a function. */
  readonly name: string;
  readonly definition: string;
}

export function findTable(catalog: Catalog, name: string): Table | undefined {
  return catalog.tables.find((table) => table.name === name);
}

export function findColumn(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

/** Whether a primary or unique key that holds at once is on just these columns. */
export function hasKey({ primaryKey, uniques }: Table, columns: readonly string[]): boolean {
  return [primaryKey, ...uniques].some(
    (key) => key !== null && key.deferrable === 'no' && isSameSet(key.columns, columns),
  );
}

/** Whether an index of all rows begins with the columns, in whatever order. */
export function hasIndexOn(table: Table, columns: readonly string[]): boolean {
  const keys = [table.primaryKey, ...table.uniques].flatMap((key) => (key ? [key.columns] : []));
  const plain = table.indexes
    .filter((index) => index.definition.startsWith('btree') && !/ WHERE /.test(index.definition))
    .map((index) => index.columns);
  return [...keys, ...plain].some((all) =>
    isSameSet(
      columns,
      all.slice(0, columns.length).filter((one) => one !== null),
    ),
  );
}

/** Of lists that name nothing twice. */
export function isSameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((one) => right.includes(one));
}

export function columnNames(table: Table): string[] {
  return table.columns.map((column) => column.name);
}

/** With the comments on the table and on its columns. */
export function allSettings(table: Table): Setting[] {
  const comment = (of: Setting['of'], called: string, value: string | null): Setting[] =>
    value === null ? [] : [{ of, name: called, key: 'comment', value }];
  return [
    ...comment('table', '', table.comment),
    ...table.columns.flatMap((column) => comment('column', column.name, column.comment)),
    ...table.settings,
  ];
}
