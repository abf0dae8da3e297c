// DDL of tables of the new release, from its catalogue: a table without foreign keys and secondary
// indexes first (fast to fill), those afterwards.
//
// All of it runs with search_path = release schema, home schema, so that types, functions and
// sequences of the release are found by the names that its schema.sql uses.

import {
  type Catalog,
  type Column,
  type ForeignKey,
  findColumn,
  type Index,
  type Key,
  type Table,
} from '../release/catalog.js';
import { joined, literal, name, names, type Sql, sql, trusted } from '../sql.js';
import type { IndexStep, KeyColumn, Statement } from './bundle.js';
import { relationOf } from './places.js';
import { madeWith } from './setting-statements.js';
import { tableSettings } from './settings.js';
import { type Lock, statement } from './statement.js';

export interface TableForm {
  /**
   * Columns that get another default than their own, or none: they share a sequence of the old
   * table.
   */
  readonly withoutDefault: ReadonlySet<string>;
  /** Unique constraints that are there from the start: those that upserts need. */
  readonly uniques: readonly Key[];
}

export function createTable(at: Sql, table: Table, form: TableForm): Statement[] {
  const columns = table.columns.map((column) => columnDefinition(column, form));
  const keys = [table.primaryKey, ...form.uniques].filter((key): key is Key => key !== null);
  const constraints = [
    ...keys.map((key) => sql`constraint ${name(key.name)} ${trusted(key.definition)}`),
    // Not to be built beside writers: they are there before the first row.
    ...table.exclusions.map((one) => sql`constraint ${name(one.name)} ${trusted(one.definition)}`),
    ...table.checks.map(
      (check) => sql`constraint ${name(check.name)} check (${trusted(check.expression)})`,
    ),
  ];
  const lines = joined([...columns, ...constraints], ',\n  ');
  const { kind, method } = madeWith(table.settings);
  return [
    statement(sql`create ${kind}table ${at} (\n  ${lines}\n)${partitioning(table)}${method}`),
    ...comments(at, table),
    ...tableSettings(at, table),
  ];
}

/** The partitions that a release ships, empty. @param place of a table by its name. */
export function createPartitions(
  { partitions }: Catalog,
  table: Table,
  place: (name: string) => Sql,
): Statement[] {
  return partitions
    .filter((one) => one.table === table.name)
    .map((one) =>
      statement(
        sql`create table ${place(one.name)} partition of ${place(one.of)}
${trusted(one.bound)}${partitioning(one)}`,
      ),
    );
}

function partitioning({ partitionedBy }: Pick<Table, 'partitionedBy'>): Sql {
  return partitionedBy === null ? sql`` : sql` partition by ${trusted(partitionedBy)}`;
}

function columnDefinition(column: Column, form: TableForm): Sql {
  const notNull = column.notNull ? sql` not null` : sql``;
  return sql`${name(column.name)} ${typeOf(column)}${defaultOf(column, form)}${notNull}`;
}

/** Columns of a key as the runner walks by them. */
export function keyColumns(table: Table, key: readonly string[]): KeyColumn[] {
  return key.map((column) => ({ name: column, type: findColumn(table, column)?.type ?? '' }));
}

/** The type of a column with its collation. */
export function typeOf(column: Column): Sql {
  const collation = column.collation === null ? sql`` : sql` collate ${trusted(column.collation)}`;
  return sql`${trusted(column.type)}${collation}`;
}

function defaultOf(column: Column, form: TableForm): Sql {
  if (column.generated !== null) {
    const kind = trusted(column.generatedKind ?? 'stored');
    return sql` generated always as (${trusted(column.generated)}) ${kind}`;
  }
  if (form.withoutDefault.has(column.name)) return sql``;
  if (column.identity !== null) return sql` ${identityOf(column)}`;
  return column.default === null ? sql`` : sql` default ${trusted(column.default)}`;
}

/** `generated always as identity (start 5 increment 1 …)` */
export function identityOf({ identity, identityOptions }: Column): Sql {
  const options = identityOptions === null ? sql`` : sql` (${trusted(identityOptions)})`;
  return sql`generated ${trusted(identity ?? 'always')} as identity${options}`;
}

function comments(at: Sql, table: Table): Statement[] {
  return [
    ...(table.comment === null
      ? []
      : [statement(sql`comment on table ${at} is ${literal(table.comment)}`)]),
    ...table.columns
      .filter((column) => column.comment !== null)
      .map((column) =>
        statement(
          sql`comment on column ${at}.${name(column.name)} is ${literal(column.comment ?? '')}`,
        ),
      ),
  ];
}

/** `create [unique] index concurrently` for an index that no constraint owns. */
export function indexStep(
  at: { readonly schema: string; readonly table: Sql },
  index: Pick<Index, 'name' | 'isUnique' | 'definition'>,
  lock: Lock | null,
): IndexStep {
  const unique = index.isUnique ? sql`unique ` : sql``;
  return {
    kind: 'index',
    id: `expand/index/${index.name}`,
    title: `build index ${index.name} without blocking writers`,
    schema: at.schema,
    index: index.name,
    statement: statement(
      sql`create ${unique}index concurrently ${name(index.name)}
on ${at.table} using ${trusted(index.definition)}`,
      lock,
    ),
  };
}

/** The unique index under a constraint that is attached afterwards. */
export function uniqueIndex(key: Key): Pick<Index, 'name' | 'isUnique' | 'definition'> {
  return {
    name: key.name,
    isUnique: true,
    definition: `btree ${indexForm(key.definition)}`,
  };
}

/** `UNIQUE NULLS NOT DISTINCT (a) INCLUDE (b) DEFERRABLE` → `(a) INCLUDE (b) NULLS NOT DISTINCT` */
function indexForm(definition: string): string {
  const nulls = /^UNIQUE( NULLS NOT DISTINCT)? /.exec(definition);
  const form = definition
    .slice(nulls?.[0].length ?? 0)
    .replace(/( DEFERRABLE)( INITIALLY DEFERRED)?$/, '');
  const [columns = form, storage] = form.split(/(?= WITH \()/);
  return `${columns}${nulls?.[1] ?? ''}${storage ?? ''}`;
}

export function attachUnique(at: Sql, key: Key): Statement {
  const named = name(key.name);
  return statement(
    sql`alter table ${at} add constraint ${named} unique using index ${named}${deferral(key)}`,
    { mode: 'ACCESS EXCLUSIVE', relation: relationOf(at) },
  );
}

export function addForeignKey(at: Sql, key: ForeignKey, target: Sql, lock: Lock | null): Statement {
  const match = key.match === 'full' ? sql` match full` : sql``;
  return statement(
    sql`alter table ${at} add constraint ${name(key.name)} foreign key (${names(key.columns)})
references ${target} (${names(key.referencedColumns)})${match}
on delete ${trusted(key.onDelete)} on update ${trusted(key.onUpdate)}${deferral(key)} not valid`,
    lock,
  );
}

function deferral({ deferrable }: Pick<Key, 'deferrable'>): Sql {
  switch (deferrable) {
    case 'no':
      return sql``;
    case 'immediate':
      return sql` deferrable`;
    case 'deferred':
      return sql` deferrable initially deferred`;
    default:
      return deferrable satisfies never;
  }
}

export function validateConstraint(at: Sql, constraint: string, lock: Lock | null): Statement {
  return statement(sql`alter table ${at} validate constraint ${name(constraint)}`, lock);
}
