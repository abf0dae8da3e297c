// The flat lists that catalog.sql reads → the tables of catalog.ts. What belongs together is put
// together here and not by joins in SQL: PostgreSQL would take longer to plan them than all else.
//
// Invariant: every list is in the order in which its parts appear in the result.

import type {
  Check,
  Column,
  Exclusion,
  ForeignKey,
  ForeignKeyAction,
  Index,
  Key,
  Partition,
  Sequence,
  Setting,
  Table,
} from './catalog.js';

/** Null stands for a list without rows. */
export interface CatalogRows {
  readonly tables: readonly TableRow[] | null;
  readonly columns: readonly ColumnRow[] | null;
  readonly identities: readonly IdentityRow[] | null;
  readonly constraints: readonly ConstraintRow[] | null;
  readonly references: readonly ReferenceRow[] | null;
  readonly exclusions: readonly ExclusionRow[] | null;
  readonly indexes: readonly IndexRow[] | null;
  readonly triggers: readonly OfTable[] | null;
  readonly partitions: readonly (Partition & { readonly level: number })[] | null;
  readonly sequences: readonly Sequence[] | null;
}

/** catalog-settings.sql gives them in a list of its own. */
export interface SettingRow extends Setting {
  readonly table: string;
}

/** `table` is the oid of a table. */
interface OfTable {
  readonly table: string;
  readonly name: string;
}

interface TableRow
  extends Pick<Table, 'name' | 'comment' | 'rowSecurity' | 'rowSecurityForced' | 'partitionedBy'> {
  readonly oid: string;
}

interface ColumnRow extends OfTable, Pick<Column, 'type' | 'notNull' | 'collation' | 'comment'> {
  readonly number: number;
  readonly expression: string | null;
  readonly identity: '' | 'a' | 'd';
  readonly generated: '' | 's' | 'v';
}

interface IdentityRow {
  readonly table: string;
  readonly number: number;
  readonly options: string;
}

interface ConstraintRow extends OfTable, Pick<Key, 'deferrable'> {
  readonly kind: 'p' | 'u' | 'c' | 'f' | 'x';
  /** Of its columns; none for a check that mentions none. */
  readonly numbers: readonly number[] | null;
  /** The oid of the index that enforces it. */
  readonly index: string;
  readonly definition: string | null;
  readonly expression: string | null;
}

interface ReferenceRow extends OfTable, Pick<ForeignKey, 'referencedTable' | 'referencedColumns'> {
  readonly onDelete: keyof typeof ACTIONS;
  readonly onUpdate: keyof typeof ACTIONS;
  readonly match: string;
}

interface ExclusionRow extends OfTable, Pick<Exclusion, 'elements'> {}

interface IndexRow extends OfTable, Pick<Index, 'isUnique' | 'definition'> {
  readonly oid: string;
  /** Whether it is valid, and no constraint's. */
  readonly isAlone: boolean;
  /** Columns of its key, then those that it includes; 0 for an expression. */
  readonly numbers: readonly number[];
  /** How many of them are its key. */
  readonly keys: number;
  readonly mentioned: readonly number[] | null;
  readonly predicate: string | null;
}

/** The letters of pg_constraint (PostgreSQL manual, section 52.13). */
const ACTIONS = {
  a: 'no action',
  r: 'restrict',
  c: 'cascade',
  n: 'set null',
  d: 'set default',
} as const satisfies Record<string, ForeignKeyAction>;

/** In the order in which catalog.sql gives them. */
export function partitionsFrom({ partitions }: CatalogRows): Partition[] {
  return (partitions ?? []).map(({ level, ...partition }) => partition);
}

/** In the order of their names, as everything in them but their columns. */
export function tablesFrom(rows: CatalogRows, settings: readonly SettingRow[]): Table[] {
  return (rows.tables ?? []).map((table) => ({
    ...tableFrom(table, rows),
    settings: settings
      .filter((one) => one.table === table.oid)
      .map(({ table: _, ...setting }) => setting),
  }));
}

function tableFrom({ oid, ...table }: TableRow, rows: CatalogRows): Omit<Table, 'settings'> {
  const own = <Row extends { readonly table: string }>(list: readonly Row[] | null) =>
    (list ?? []).filter((row) => row.table === oid);
  const columns = own(rows.columns);
  const constraints = own(rows.constraints);
  const indexes = own(rows.indexes);
  const identities = own(rows.identities);
  const names = namesOf(columns);
  const ofKind = (kind: ConstraintRow['kind']) => constraints.filter((one) => one.kind === kind);
  const key = (row: ConstraintRow) => keyFrom(row, names);
  return {
    name: table.name,
    columns: columns.map((column) => columnFrom(column, identities)),
    primaryKey: ofKind('p').map(key)[0] ?? null,
    uniques: ofKind('u').map(key),
    checks: ofKind('c').map((row) => checkFrom(row, names)),
    exclusions: ofKind('x').map((row) =>
      exclusionFrom(row, find(own(rows.exclusions), row), {
        names,
        index: indexes.find((index) => index.oid === row.index),
      }),
    ),
    foreignKeys: ofKind('f').map((row) =>
      referenceFrom(row, find(own(rows.references), row), names),
    ),
    indexes: indexes.filter((index) => index.isAlone).map((index) => indexFrom(index, names)),
    comment: table.comment,
    rowSecurity: table.rowSecurity,
    rowSecurityForced: table.rowSecurityForced,
    partitionedBy: table.partitionedBy,
    triggers: own(rows.triggers).map((trigger) => trigger.name),
  };
}

/** Columns that applications see, by their numbers, in the order of the table. */
type Names = ReadonlyMap<number, string>;

function namesOf(columns: readonly ColumnRow[]): Names {
  return new Map(columns.map(({ number, name }) => [number, name]));
}

function find<Row extends OfTable>(rows: readonly Row[], { name }: OfTable): Row {
  const found = rows.find((row) => row.name === name);
  if (found === undefined) throw new TypeError(`catalog.sql gives only half of ${name}`);
  return found;
}

function columnFrom(row: ColumnRow, identities: readonly IdentityRow[]): Column {
  const { number, generated, identity, expression } = row;
  return {
    name: row.name,
    type: row.type,
    notNull: row.notNull,
    default: generated === '' ? expression : null,
    identity: identity === '' ? null : identity === 'a' ? 'always' : 'by default',
    identityOptions: identities.find((one) => one.number === number)?.options ?? null,
    generated: generated === '' ? null : expression,
    generatedKind: generated === '' ? null : generated === 's' ? 'stored' : 'virtual',
    collation: row.collation,
    comment: row.comment,
  };
}

/** The names of columns by their numbers, without those that applications do not see. */
function named(numbers: readonly number[] | null, names: Names): string[] {
  return (numbers ?? []).flatMap((number) => names.get(number) ?? []);
}

function keyFrom({ name, numbers, deferrable, definition }: ConstraintRow, names: Names): Key {
  return { name, columns: named(numbers, names), deferrable, definition: definition ?? '' };
}

function checkFrom({ name, expression, numbers }: ConstraintRow, names: Names): Check {
  return { name, expression: expression ?? '', columns: named(numbers, names) };
}

function exclusionFrom(
  { name, deferrable, definition }: ConstraintRow,
  { elements }: ExclusionRow,
  { names, index }: { readonly names: Names; readonly index: IndexRow | undefined },
): Exclusion {
  return {
    name,
    columns: index === undefined ? [] : mentions(index, names),
    elements,
    predicate: index?.predicate ?? null,
    deferrable,
    definition: definition ?? '',
  };
}

function referenceFrom(
  { name, numbers, deferrable }: ConstraintRow,
  row: ReferenceRow,
  names: Names,
): ForeignKey {
  return {
    name,
    columns: named(numbers, names),
    referencedTable: row.referencedTable,
    referencedColumns: row.referencedColumns,
    onDelete: ACTIONS[row.onDelete],
    onUpdate: ACTIONS[row.onUpdate],
    match: row.match === 'f' ? 'full' : 'simple',
    deferrable,
  };
}

function indexFrom(row: IndexRow, names: Names): Index {
  return {
    name: row.name,
    isUnique: row.isUnique,
    columns: row.numbers.slice(0, row.keys).map((number) => names.get(number) ?? null),
    mentions: mentions(row, names),
    definition: row.definition,
  };
}

function mentions({ numbers, mentioned }: IndexRow, names: Names): string[] {
  const all = new Set([...numbers, ...(mentioned ?? [])]);
  return [...names].filter(([number]) => all.has(number)).map(([, name]) => name);
}
