// Rows to try an evolution on: for each table of the old release one with as little as it takes and
// some with every column filled, so that every up, down and when is evaluated by PostgreSQL before
// a customer's data is. A row that a rule refuses is tried again with other values in the columns
// of that rule. What could not be filled is said: samples are no proof.

import { constraintOf, messageOf, type Session, sqlStateOf } from '../pg.js';
import type { Catalog, Column, Table } from '../release/catalog.js';
import { literal, name, names, type Sql, sql, trusted } from '../sql.js';
import { type Sampler, samplerOf } from './sample-values.js';

/** What no sample row holds. */
export interface Untried {
  readonly table: string;
  /** Columns without a value in any row; empty where the table has no row at all. */
  readonly columns: readonly string[];
  readonly reason: string;
}

/** Rows with every column filled, each beginning with another of the column's values. */
const FULL_ROWS = 3;

/** Bounds the search for values that the rules of a table take. */
const MAX_ATTEMPTS = 200;

/** How many keys each table has for itself. */
const KEYS_APART = 10;

/** A column with the values that it may be given. */
interface Filled {
  readonly column: Column;
  readonly values: readonly string[];
}

/** Inserts what can be inserted, and says what could not. */
export async function insertSamples(session: Session, catalog: Catalog): Promise<Untried[]> {
  const sampler = samplerOf(session, catalog);
  const untried = new Map<string, Untried>();
  const ordered = inReferenceOrder(catalog.tables);
  for (const [index, table] of ordered.entries()) {
    const apart = keysApart(sampler, index + 1);
    await startSequences(session, table, (index + 1) * KEYS_APART);
    const found = await fill(session, table, apart);
    if (found !== null) untried.set(table.name, found);
  }
  // Once more for tables that found nothing to refer to yet: references may run in a circle.
  for (const [index, table] of ordered.entries()) {
    if (!untried.has(table.name)) continue;
    const found = await fill(session, table, keysApart(sampler, index + 1));
    if (found === null) untried.delete(table.name);
    else untried.set(table.name, found);
  }
  return [...untried.values()];
}

/**
 * Keys that no other table has, where the type leaves room for it: tables whose rows become those
 * of one table keep their keys.
 */
function keysApart(sampler: Sampler, number: number): Sampler {
  const first = number * KEYS_APART;
  const numbers = [...Array(KEYS_APART).keys()].map((one) => String(first + one));
  const uuids = numbers.map((one) => `00000000-0000-4000-8000-${one.padStart(12, '0')}`);
  return async (column, table, more = []) => {
    const own = table.foreignKeys.filter((one) => one.referencedTable === table.name);
    const keys = [table.primaryKey, ...own].flatMap((key) => key?.columns ?? []);
    const isKey = keys.includes(column.name);
    const values = await sampler(column, table, isKey ? [...numbers, ...uuids, ...more] : more);
    if (!isKey) return values;
    const isOwn = (one: string) => numbers.includes(one) || uuids.includes(one);
    // A rule of the table may refuse them: the others come after.
    return [...values.filter(isOwn), ...values.filter((one) => !isOwn(one))];
  };
}

async function startSequences(session: Session, table: Table, first: number): Promise<void> {
  const at = literal(name('public', table.name).text);
  for (const column of table.primaryKey?.columns ?? []) {
    try {
      await session.query(
        sql`select pg_catalog.setval(sequence, ${literal(String(first))}, false)
from pg_catalog.pg_get_serial_sequence(${at}, ${literal(column)}) as sequence`.text,
      );
    } catch (error) {
      // Where the sequence does not reach that far, it begins where it would.
      if (sqlStateOf(error) === undefined) throw error;
    }
  }
}

/** What the table's rows lack afterwards; null for nothing. */
async function fill(session: Session, table: Table, sampler: Sampler): Promise<Untried | null> {
  const taking = table.columns.filter((one) => one.generated === null && one.identity === null);
  const needed = taking.filter((one) => one.notNull && one.default === null);
  // A row that refers to its own table comes after one that need not.
  const little = await fillable(session, table, needed, sampler);
  const refusals = [await insertRow(session, table, little, 0)];
  const full = await fillable(session, table, taking, sampler);
  for (let start = 0; start < FULL_ROWS; start++) {
    refusals.push(await insertRow(session, table, full, start));
  }
  for (const column of (await emptyColumns(session, table, taking)) ?? []) {
    const values = full.find((one) => one.column.name === column)?.values ?? [];
    refusals.push(...(await updateRow(session, table, column, values)));
  }
  const empty = await emptyColumns(session, table, taking);
  if (empty?.length === 0) return null;
  const lacking = (empty ?? needed.map((one) => one.name)).filter(
    (column) => !full.some((one) => one.column.name === column),
  );
  const reason =
    lacking.length > 0
      ? `no value for ${lacking.join(', ')}: no sample fits, or there is no row to refer to`
      : refusals.find((one) => one !== null);
  return { table: table.name, columns: empty ?? [], reason: reason ?? 'no row stays' };
}

/** Columns for which there are values; one that refers to a row takes those that are there. */
async function fillable(
  session: Session,
  table: Table,
  columns: readonly Column[],
  sampler: Sampler,
): Promise<Filled[]> {
  const filled: Filled[] = [];
  for (const column of columns) {
    const referenced = await referencedValues(session, table, column);
    const isFree = referenced === null || (referenced.length === 0 && column.notNull);
    const values = isFree ? await sampler(column, table) : referenced;
    if (values.length > 0) filled.push({ column, values });
  }
  return filled;
}

/** Values of the column that the first foreign key refers to; null for a column without one. */
async function referencedValues(
  session: Session,
  table: Table,
  column: Column,
): Promise<string[] | null> {
  const key = table.foreignKeys.find((one) => one.columns.includes(column.name));
  const target = key?.referencedColumns[key.columns.indexOf(column.name)];
  if (key === undefined || target === undefined) return null;
  const rows = await session.query<{ value: string }>(
    sql`select distinct ${name(target)}::text as value
from ${name('public', key.referencedTable)}
where ${name(target)} is not null
order by value`.text,
  );
  return rows.map((row) => row.value);
}

/** Why no row could be inserted; null when one was. */
async function insertRow(
  session: Session,
  table: Table,
  filled: readonly Filled[],
  start: number,
): Promise<string | null> {
  const turns = new Map(filled.map((one) => [one.column.name, 0]));
  let refusal = '';
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    try {
      await session.query(insert(table, filled, turns, start).text);
      return null;
    } catch (error) {
      if (sqlStateOf(error) === undefined) throw error;
      refusal = messageOf(error);
      const rule = columnsOfRule(table, constraintOf(error));
      if (
        !turn(
          turns,
          filled.filter((one) => rule.includes(one.column.name)),
        )
      )
        return refusal;
    }
  }
  return refusal;
}

/**
 * Puts the first value that is taken into a row that is there: a column may have one although a row
 * with everything was refused. Returns what was said against the values.
 */
async function updateRow(
  session: Session,
  table: Table,
  column: string,
  values: readonly string[],
): Promise<string[]> {
  const at = name('public', table.name);
  const refusals: string[] = [];
  for (const value of values) {
    try {
      await session.query(
        sql`update ${at} set ${name(column)} = ${literal(value)}
where ctid = (select ctid from ${at} limit 1)`.text,
      );
      return refusals;
    } catch (error) {
      if (sqlStateOf(error) === undefined) throw error;
      refusals.push(messageOf(error));
    }
  }
  return refusals;
}

/** The next combination of the columns' values; false when all have been seen. */
function turn(turns: Map<string, number>, filled: readonly Filled[]): boolean {
  for (const { column, values } of filled) {
    const next = (turns.get(column.name) ?? 0) + 1;
    turns.set(column.name, next % values.length);
    if (next < values.length) return true;
  }
  return false;
}

/** The columns of the constraint or unique index that refused a row; none for any other rule. */
function columnsOfRule(table: Table, rule: string | undefined): readonly string[] {
  const keys = [table.primaryKey, ...table.uniques].filter((key) => key !== null);
  const found =
    [...table.checks, ...table.exclusions, ...keys, ...table.foreignKeys].find(
      (one) => one.name === rule,
    )?.columns ?? table.indexes.find((one) => one.name === rule)?.mentions;
  return found ?? [];
}

function insert(
  table: Table,
  filled: readonly Filled[],
  turns: ReadonlyMap<string, number>,
  start: number,
): Sql {
  const into = name('public', table.name);
  if (filled.length === 0) return sql`insert into ${into} default values`;
  const values = filled.map(({ column, values }) => {
    const place = (start + (turns.get(column.name) ?? 0)) % values.length;
    return sql`${literal(values[place] ?? '')}::${trusted(column.type)}`;
  });
  const columns = names(filled.map((one) => one.column.name));
  return sql`insert into ${into} (${columns}) values (${values})`;
}

/** Columns that hold nothing in any row; null where there is no row. */
async function emptyColumns(
  session: Session,
  table: Table,
  columns: readonly Column[],
): Promise<string[] | null> {
  const held = columns.map((column) => sql`count(${name(column.name)}) > 0`);
  const [row] = await session.query<{ has_rows: boolean; held: boolean[] }>(
    sql`select count(*) > 0 as has_rows, array[${held}]::boolean[] as held
from ${name('public', table.name)}`.text,
  );
  if (row?.has_rows !== true) return null;
  return columns.filter((_, place) => row.held[place] !== true).map((column) => column.name);
}

/** Referenced tables before those that refer to them; cycles in the order given. */
function inReferenceOrder(tables: readonly Table[]): Table[] {
  const ordered: Table[] = [];
  const visit = (table: Table, path: readonly string[]) => {
    if (ordered.includes(table) || path.includes(table.name)) return;
    for (const key of table.foreignKeys) {
      const target = tables.find((one) => one.name === key.referencedTable);
      if (target !== undefined) visit(target, [...path, table.name]);
    }
    ordered.push(table);
  };
  for (const table of tables) visit(table, []);
  return ordered;
}
