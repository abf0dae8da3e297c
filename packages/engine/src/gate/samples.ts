// Rows to try an evolution on: for each table of the old release one with as little as it takes and
// some with every column filled, so that every up, down and when is evaluated by PostgreSQL before
// a customer's data is. A row that a rule refuses is tried again with other values in the columns
// of that rule, and one in which the evolution does not find what it looks for with others that it
// looks for. What could not be filled is said: samples are no proof.

import { constraintOf, messageOf, type Session, sqlStateOf } from '../pg.js';
import type { Catalog, Column, Table } from '../release/catalog.js';
import { literal, name, names, type Sql, sql, trusted } from '../sql.js';
import { type Hints, NO_HINTS } from './sample-hints.js';
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

/** The same for values that the evolution looks for, each of which is looked at by queries. */
const MAX_LOSSES = 50;

/** How many keys each table has for itself. */
const KEYS_APART = 10;

/** A column with the values that it may be given. */
export interface Filled {
  readonly column: Column;
  readonly values: readonly string[];
}

/**
 * For how many of the rows that hang together with a table's the new release has no place; null
 * where it cannot read them.
 */
export type CountLost = (table: Table) => Promise<number | null>;

export interface SampleOptions {
  readonly hints?: Hints;
  readonly countLost?: CountLost;
}

/** What is needed to find values for a table's columns. */
export interface Finding {
  readonly session: Session;
  readonly table: Table;
  readonly sampler: Sampler;
  readonly hints: Hints;
  /** Where the tables are whose rows it refers to. */
  readonly at: (table: string) => Sql;
}

interface Filling extends Finding {
  readonly countLost: CountLost;
  /** Rows that stand in the way of reading all others: they come when those have been read. */
  readonly aside: Aside[];
}

interface Aside {
  readonly table: Table;
  readonly filled: readonly Filled[];
  readonly start: number;
}

export interface Samples {
  readonly untried: readonly Untried[];
  /** Inserts the rows that the new release cannot read: they stand in the way of all others. */
  readonly insertUnreadable: () => Promise<void>;
}

/** Inserts what can be inserted, and says what could not. */
export async function insertSamples(
  session: Session,
  catalog: Catalog,
  { hints = NO_HINTS, countLost = async () => 0 }: SampleOptions = {},
): Promise<Samples> {
  const sampler = samplerOf(session, catalog);
  const untried = new Map<string, Untried>();
  const aside: Filling['aside'] = [];
  const ordered = inReferenceOrder(catalog.tables, hints);
  const filling = (table: Table, index: number): Filling => {
    const apart = hinted(keysApart(sampler, index + 1), hints);
    return { session, table, sampler: apart, hints, at: atHome, countLost, aside };
  };
  for (const [index, table] of ordered.entries()) {
    await startSequences(session, table, (index + 1) * KEYS_APART);
    const found = await fill(filling(table, index));
    if (found !== null) untried.set(table.name, found);
  }
  // Once more for tables that found nothing to refer to yet: references may run in a circle.
  for (const [index, table] of ordered.entries()) {
    if (!untried.has(table.name)) continue;
    const found = await fill(filling(table, index));
    if (found === null) untried.delete(table.name);
    else untried.set(table.name, found);
  }
  return {
    untried: [...untried.values()],
    async insertUnreadable() {
      for (const { table, filled, start } of aside) {
        const last = { ...filling(table, ordered.indexOf(table)), countLost: async () => 0 };
        await insertRow(last, filled, start);
      }
    },
  };
}

const atHome = (table: string) => name('public', table);

/** What the evolution looks for comes first. */
export function hinted(sampler: Sampler, hints: Hints): Sampler {
  return async (column, table, more = []) => {
    const texts = hints.get(table.name)?.get(column.name)?.texts ?? [];
    const values = await sampler(column, table, [...texts, ...more]);
    const isSought = (one: string) => texts.includes(one);
    return [...values.filter(isSought), ...values.filter((one) => !isSought(one))];
  };
}

/**
 * Keys that no other table has, where the type leaves room for it: tables whose rows become those
 * of one table keep their keys.
 */
export function keysApart(sampler: Sampler, number: number): Sampler {
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
async function fill(filling: Filling): Promise<Untried | null> {
  const { table } = filling;
  const taking = table.columns.filter((one) => one.generated === null && one.identity === null);
  const sought = filling.hints.get(table.name);
  const isSought = (one: Column) => (sought?.get(one.name)?.like.length ?? 0) > 0;
  const needed = taking.filter((one) => (one.notNull && one.default === null) || isSought(one));
  // A row that refers to its own table comes after one that need not.
  const little = await fillable(filling, needed);
  const refusals = [await insertRow(filling, little, 0)];
  const full = await fillable(filling, taking);
  for (let start = 0; start < FULL_ROWS; start++) {
    refusals.push(await insertRow(filling, full, start));
  }
  for (const column of (await emptyColumns(filling, taking)) ?? []) {
    const values = full.find((one) => one.column.name === column)?.values ?? [];
    refusals.push(...(await updateRow(filling, column, values)));
  }
  const empty = await emptyColumns(filling, taking);
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
export async function fillable(finding: Finding, columns: readonly Column[]): Promise<Filled[]> {
  const { table, sampler, hints } = finding;
  const filled: Filled[] = [];
  for (const column of columns) {
    const referenced = await referencedValues(finding, column);
    const isFree = referenced === null || (referenced.length === 0 && column.notNull);
    const values = isFree ? await sampler(column, table) : referenced;
    const like = hints.get(table.name)?.get(column.name)?.like ?? [];
    const sought: string[] = [];
    for (const one of isFree ? like : []) {
      sought.push(...(await valuesIn(finding, one.table, one.column)));
    }
    const all = [...new Set([...sought, ...values])];
    if (all.length > 0) filled.push({ column, values: all });
  }
  return filled;
}

/** Values of the column that the first foreign key refers to; null for a column without one. */
async function referencedValues(finding: Finding, column: Column): Promise<string[] | null> {
  const { table } = finding;
  const key = table.foreignKeys.find((one) => one.columns.includes(column.name));
  const target = key?.referencedColumns[key.columns.indexOf(column.name)];
  if (key === undefined || target === undefined) return null;
  return valuesIn(finding, key.referencedTable, target);
}

async function valuesIn(
  { session, at }: Finding,
  table: string,
  column: string,
): Promise<string[]> {
  const rows = await session.query<{ value: string }>(
    sql`select distinct ${name(column)}::text as value
from ${at(table)}
where ${name(column)} is not null
order by value`.text,
  );
  return rows.map((row) => row.value);
}

/** Why no row could be inserted; null when one was. */
async function insertRow(
  filling: Filling,
  filled: readonly Filled[],
  start: number,
): Promise<string | null> {
  const { session, table, aside, hints } = filling;
  const turns = new Map(filled.map((one) => [one.column.name, 0]));
  let refusal = '';
  let lost: string | null = null;
  let losses = 0;
  const before = await lostBefore(filling);
  // A key has most values, and hardly ever the one that is looked for: it comes last.
  const isKey = (column: string) => table.primaryKey?.columns.includes(column) === true;
  const sought = [...(hints.get(table.name)?.keys() ?? [])].sort(
    (left, right) => Number(isKey(left)) - Number(isKey(right)),
  );
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const statement = insert(table, filled, turns, start).text;
    const found = await tried(filling, statement, before);
    if (found.state === 'held') return null;
    if (found.state === 'unreadable') {
      aside.push({ table, filled, start });
      return null;
    }
    let rule: readonly string[] = sought;
    if (found.state === 'lost') {
      lost ??= statement;
      if (losses++ === MAX_LOSSES) break;
    }
    if (found.state === 'refused') ({ refusal, rule } = found);
    const inRule = rule.flatMap((one) => filled.filter(({ column }) => column.name === one));
    if (!turn(turns, inRule)) break;
  }
  if (lost === null) return refusal;
  // With no values that are looked for has it a place: that is for the author to see.
  await session.query(lost);
  return null;
}

type Tried =
  | { readonly state: 'held' }
  | { readonly state: 'lost' }
  | { readonly state: 'unreadable' }
  | { readonly state: 'refused'; readonly refusal: string; readonly rule: readonly string[] };

/** How many rows are lost before a statement. Whoever counts may change settings meanwhile. */
async function lostBefore({ session, table, countLost }: Filling): Promise<number> {
  await session.query('begin');
  const before = await countLost(table);
  await session.query('rollback');
  return before ?? 0;
}

/** Runs a statement, and keeps what it has done only where the new release holds it. */
async function tried(
  { session, table, countLost }: Filling,
  statement: string,
  before: number,
): Promise<Tried> {
  try {
    await session.query(`begin; ${statement}; set constraints all immediate`);
    const after = await countLost(table);
    const isLost = after !== null && after > before;
    const state = after === null ? 'unreadable' : isLost ? 'lost' : 'held';
    await session.query(state === 'held' ? 'commit' : 'rollback');
    return { state };
  } catch (error) {
    await session.query('rollback');
    if (sqlStateOf(error) === undefined) throw error;
    const rule = columnsOfRule(table, constraintOf(error));
    return { state: 'refused', refusal: messageOf(error), rule };
  }
}

/**
 * Puts the first value that is taken into a row that is there: a column may have one although a row
 * with everything was refused. Returns what was said against the values.
 */
async function updateRow(
  filling: Filling,
  column: string,
  values: readonly string[],
): Promise<string[]> {
  const at = name('public', filling.table.name);
  const refusals: string[] = [];
  const before = await lostBefore(filling);
  for (const value of values) {
    const statement = sql`update ${at} set ${name(column)} = ${literal(value)}
where ctid = (select ctid from ${at} limit 1)`;
    const found = await tried(filling, statement.text, before);
    if (found.state === 'held') return refusals;
    if (found.state === 'refused') refusals.push(found.refusal);
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
  { session, table, aside }: Filling,
  columns: readonly Column[],
): Promise<string[] | null> {
  const own = aside.filter((one) => one.table === table).flatMap((one) => one.filled);
  const held = columns.map((column) => sql`count(${name(column.name)}) > 0`);
  const [row] = await session.query<{ has_rows: boolean; held: boolean[] }>(
    sql`select count(*) > 0 as has_rows, array[${held}]::boolean[] as held
from ${name('public', table.name)}`.text,
  );
  if (row?.has_rows !== true && own.length === 0) return null;
  return columns
    .filter((_, place) => row?.held[place] !== true)
    .map((column) => column.name)
    .filter((column) => !own.some((one) => one.column.name === column));
}

/** Tables before those that refer to them, or look for their rows; cycles in the order given. */
function inReferenceOrder(tables: readonly Table[], hints: Hints): Table[] {
  const ordered: Table[] = [];
  const visit = (table: Table, path: readonly string[]) => {
    if (ordered.includes(table) || path.includes(table.name)) return;
    const sought = [...(hints.get(table.name)?.values() ?? [])].flatMap((one) => one.like);
    const referenced = table.foreignKeys.map((key) => key.referencedTable);
    for (const other of [...referenced, ...sought.map((one) => one.table)]) {
      const target = tables.find((one) => one.name === other);
      if (target !== undefined) visit(target, [...path, table.name]);
    }
    ordered.push(table);
  };
  for (const table of tables) visit(table, []);
  return ordered;
}
