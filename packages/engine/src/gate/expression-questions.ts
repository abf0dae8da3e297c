// What PostgreSQL is asked about each expression of an evolution, and what is said where it
// refuses. Pure; expression-types.ts asks.

import { assigned } from '../compile/assigned.js';
import type { CompileInput } from '../compile/compile.js';
import { statedAt } from '../compile/refuse.js';
import { findColumn, findTable, type Table } from '../release/catalog.js';
import type { Evolution, Expression, MergeTables, SplitTable } from '../release/evolution.js';
import { within } from '../release/evolution-names.js';
import { columnsOf } from '../release/expression.js';
import type { Finding } from '../release/findings.js';
import { name, type Sql, sql, trusted } from '../sql.js';
import { type Crossing, crossingsOf } from './crossings.js';

/** Schemas that hold copies of the tables of either release. */
export const OLD_COPIES = 'halflap_old';
export const NEW_COPIES = 'halflap_new';

/** What PostgreSQL answered to a question. */
export interface Refusal {
  readonly message: string;
  readonly hint: string | undefined;
  /** UTF-16 units from the start of the expression. */
  readonly offset: number;
  /** Whether the value has a type that the column does not take without a cast. */
  readonly isMismatch: boolean;
}

/** A query that PostgreSQL can plan when all is well. */
export interface Question {
  readonly before: Sql;
  readonly expression: Sql;
  readonly after: Sql;
  readonly finding: (refusal: Refusal) => Finding;
}

export function questionsOf(input: CompileInput): Question[] {
  const splits = input.evolution.changes.filter((change) => change.kind === 'split_table');
  const merges = input.evolution.changes.filter((change) => change.kind === 'merge_tables');
  return [
    ...crossingsOf(input).map((one) =>
      one.stated === null ? inferred(one, input.evolution) : stated(one, one.stated),
    ),
    ...splits.flatMap((change) => splitQuestions(change, input)),
    ...merges.flatMap((change) => mergeQuestions(change, input)),
  ];
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

/** As an INSERT would assign it: a cast that no INSERT makes has to be written. */
function stated(
  { key, source, target, column }: Pick<Crossing, 'key' | 'source' | 'target' | 'column'>,
  expression: Expression,
  copies = key === 'up' ? NEW_COPIES : OLD_COPIES,
): Question {
  const into = name(copies, target.name);
  return {
    before: sql`insert into ${into} (${name(column.name)}) select (`,
    expression: trusted(expression.sql),
    after: source === null ? sql`)` : sql`) from ${copy(key, source)}`,
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

function visible(key: Crossing['key'], source: Table | null): string {
  if (source === null) return 'it sees no columns';
  return `it sees the columns of ${source.name} of the ${key === 'up' ? 'old' : 'new'} release`;
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

function copy(key: Crossing['key'], table: Table): Sql {
  return name(key === 'up' ? OLD_COPIES : NEW_COPIES, table.name);
}

function textOf(what: string, { message }: Refusal, { sql: text }: Expression): string {
  return `${what}: ${message}, in "${text}"`;
}

function hintOf({ hint }: Refusal, otherwise: string): string {
  return hint === undefined ? otherwise : `PostgreSQL says: ${hint}`;
}

/** A conversion that nobody stated, because only the type differs: a cast. */
function inferred(one: Crossing, evolution: Evolution): Question {
  const { key, source, target, column, made, bases } = one;
  const version = key === 'up' ? evolution.to : evolution.from;
  const table = (key === 'up' ? source : target)?.name ?? '';
  const old = key === 'up' ? (columnsOf(made)[0] ?? '') : column.name;
  return {
    before: sql`select `,
    expression: assigned(trusted(made), column, bases),
    after: source === null ? sql`` : sql` from ${copy(key, source)}`,
    finding: ({ message }) => ({
      code: 'EVOLUTION_INCOMPLETE',
      message: `${target.name}.${column.name} is ${column.type} in release ${version}: ${message}`,
      at: statedAt(evolution, table) ?? null,
      hint:
        `state it: - convert_column: { table: ${table}, column: ${old}, ` +
        'up: <expression over the old columns>, down: <expression over the new columns> }',
    }),
  };
}
