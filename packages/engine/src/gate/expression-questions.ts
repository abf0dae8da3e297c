// What PostgreSQL is asked about each expression of an evolution, and what is said where it
// refuses. Pure; expression-types.ts asks.

import { assigned, isRelabelled } from '../compile/assigned.js';
import type { CompileInput } from '../compile/compile.js';
import { statedAt } from '../compile/refuse.js';
import { NO_DOMAINS } from '../release/base-type.js';
import { findColumn, findTable, type Table } from '../release/catalog.js';
import type {
  Change,
  DirtyPolicy,
  Evolution,
  Expression,
  MergeTables,
  SplitTable,
} from '../release/evolution.js';
import { oldTablesOf } from '../release/evolution-tables.js';
import { columnsOf } from '../release/expression.js';
import { within } from '../release/name-scope.js';
import { plainType } from '../release/types-apart.js';
import { name, type Sql, sql, trusted } from '../sql.js';
import { type Crossing, crossingsOf } from './crossings.js';
import { lookupQuestions } from './lookup-questions.js';
import { hintOf, NEW_COPIES, OLD_COPIES, type Question, type Refusal } from './question.js';
import { queryQuestions, sliceQuestions } from './slice-questions.js';

export interface Questions {
  /** About what the author has written, each with its place. */
  readonly parts: readonly Question[];
  /** About what is made of several parts: to be asked when none of them is refused. */
  readonly wholes: readonly Question[];
}

export function questionsOf(input: CompileInput): Questions {
  return { parts: partsOf(input), wholes: sliceQuestions(input) };
}

function partsOf(input: CompileInput): Question[] {
  const splits = input.evolution.changes.filter((change) => change.kind === 'split_table');
  const merges = input.evolution.changes.filter((change) => change.kind === 'merge_tables');
  return [
    ...crossingsOf(input).map((one) =>
      one.stated === null ? inferred(one, input.evolution) : stated(one, one.stated),
    ),
    ...splits.flatMap((change) => splitQuestions(change, input)),
    ...merges.flatMap((change) => mergeQuestions(change, input)),
    ...input.evolution.changes.flatMap((change) => shareQuestions(change, input)),
    ...input.evolution.dirty.flatMap((policy) => policyQuestions(policy, input)),
    ...queryQuestions(input),
    ...lookupQuestions(input),
  ];
}

function shareQuestions(change: Change, { from, to }: CompileInput): Question[] {
  if (change.kind !== 'partition_rows' && change.kind !== 'unite_tables') return [];
  const isPartition = change.kind === 'partition_rows';
  const whole = isPartition
    ? findTable(from.catalog, change.table)
    : findTable(to.catalog, change.into);
  if (whole === undefined) return [];
  const [key, copies] = isPartition
    ? (['up', OLD_COPIES] as const)
    : (['down', NEW_COPIES] as const);
  return (isPartition ? change.into : change.from).flatMap(({ table, when, values }) => [
    condition(when, `table "${table}"`, { key, table: whole }),
    ...Object.entries(values).flatMap(([missing, expression]) => {
      const column = findColumn(whole, missing);
      const way = { key: 'values' as const, source: null, target: whole };
      return column === undefined ? [] : [stated({ ...way, column }, expression, copies)];
    }),
  ]);
}

function mergeQuestions(change: MergeTables, { to }: CompileInput): Question[] {
  const target = findTable(to.catalog, change.into);
  if (target === undefined) return [];
  return change.from.flatMap(({ table, when, otherwise }) => [
    ...(when === null ? [] : [condition(when, `table "${table}"`, { key: 'down', table: target })]),
    ...Object.entries(otherwise).flatMap(([missing, expression]) => {
      const column = findColumn(target, missing);
      const way = { key: 'otherwise' as const, source: null, target };
      return column === undefined ? [] : [stated({ ...way, column }, expression, NEW_COPIES)];
    }),
  ]);
}

function splitQuestions(change: SplitTable, { from }: CompileInput): Question[] {
  const old = findTable(from.catalog, change.table);
  if (old === undefined) return [];
  return change.into.flatMap((part) => [
    ...(part.when === null
      ? []
      : [condition(part.when, `part "${part.table}"`, { key: 'up', table: old })]),
    ...Object.entries(part.otherwise).flatMap(([missing, expression]) => {
      const column = findColumn(old, missing);
      const way = { key: 'otherwise' as const, source: null, target: old };
      return column === undefined ? [] : [stated({ ...way, column }, expression)];
    }),
  ]);
}

/** Values of a dirty row; of a merged table's, those that its first table can tell. */
function policyQuestions(policy: DirtyPolicy, { from, to, evolution }: CompileInput): Question[] {
  const target = findTable(to.catalog, policy.table);
  const [old = ''] = oldTablesOf(evolution.changes, policy.table);
  const source = findTable(from.catalog, old) ?? null;
  if (target === undefined) return [];
  const key = policy.column === null ? 'values' : 'value';
  return Object.entries(policy.values).flatMap(([name, expression]) => {
    const column = findColumn(target, name);
    const isElsewhere = columnsOf(expression.sql).some(
      (one) => source === null || findColumn(source, one) === undefined,
    );
    if (column === undefined || isElsewhere) return [];
    return [stated({ key, source, target, column }, expression, NEW_COPIES)];
  });
}

interface Stated
  extends Pick<Crossing, 'source' | 'target' | 'column'>,
    Partial<Pick<Crossing, 'bases'>> {
  /** Under which key the author stated it. */
  readonly key: Crossing['key'] | 'value' | 'values';
}

/** As an INSERT would assign it: a cast that no INSERT makes has to be written. */
function stated(
  { key, source, target, column, bases = NO_DOMAINS }: Stated,
  expression: Expression,
  copies = key === 'up' ? NEW_COPIES : OLD_COPIES,
): Question {
  const into = name(copies, target.name);
  const from = source === null ? sql`` : sql` from ${copy(key, source)}`;
  const isByText = isRelabelled(column.type, bases);
  return {
    before: sql`insert into ${into} (${name(column.name)}) select ${isByText ? sql`((` : sql`(`}`,
    expression: trusted(expression.sql),
    after: isByText ? sql`)::text)::${trusted(column.type)}${from}` : sql`)${from}`,
    finding: (refusal) => ({
      code: 'EVOLUTION_INVALID',
      message: textOf(`"${key}" of ${target.name}.${column.name}`, refusal, expression),
      at: within(expression, refusal.offset),
      hint: refusal.isMismatch
        ? `write the cast into the expression: (…)::${column.type}`
        : hintOf(refusal, visible(key, source)),
    }),
  };
}

function visible(key: Stated['key'], source: Table | null): string {
  if (source === null) return 'it sees no columns';
  return `it sees the columns of ${source.name} of the ${isOfOldRow(key) ? 'old' : 'new'} release`;
}

/** Only values of dirty rows are made from a row under these keys. */
function isOfOldRow(key: Stated['key']): boolean {
  return key === 'up' || key === 'value' || key === 'values';
}

function condition(
  when: Expression,
  what: string,
  { key, table }: { readonly key: 'up' | 'down'; readonly table: Table },
): Question {
  return {
    before: sql`select from ${copy(key, table)} where (`,
    expression: trusted(when.sql),
    after: sql`)`,
    finding: (refusal) => ({
      code: 'EVOLUTION_INVALID',
      message: textOf(`"when" of ${what}`, refusal, when),
      at: within(when, refusal.offset),
      hint: hintOf(refusal, visible(key, table)),
    }),
  };
}

function copy(key: Stated['key'], table: Table): Sql {
  return name(isOfOldRow(key) ? OLD_COPIES : NEW_COPIES, table.name);
}

function textOf(what: string, { message }: Refusal, { sql: text }: Expression): string {
  return `${what}: ${message}, in "${text}"`;
}

/** A conversion that nobody stated, because only the type differs: a cast. */
function inferred(one: Crossing, evolution: Evolution): Question {
  const { key, source, target, column, made, bases } = one;
  const version = key === 'up' ? evolution.to : evolution.from;
  const table = (key === 'up' ? source : target)?.name ?? '';
  const old = key === 'up' ? (columnsOf(made)[0] ?? '') : column.name;
  const what = `${target.name}.${column.name} is ${plainType(column.type)} in release ${version}`;
  return {
    before: sql`select `,
    expression: assigned(trusted(made), column, bases),
    after: source === null ? sql`` : sql` from ${copy(key, source)}`,
    finding: ({ message }) => ({
      code: 'EVOLUTION_INCOMPLETE',
      message: `${what}: ${message}`,
      at: statedAt(evolution, table) ?? null,
      hint:
        `state it: - convert_column: { table: ${table}, column: ${old}, ` +
        'up: <expression over the old columns>, down: <expression over the new columns> }',
    }),
  };
}
