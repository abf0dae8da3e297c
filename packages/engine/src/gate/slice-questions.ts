// What PostgreSQL is asked about tables whose rows hang together in slices: whether each query is
// valid over the other release's tables, yields what can be assigned to the columns, and can be
// compared by key and slice. Pure; expression-types.ts asks.
//
// A query that the author stated is asked as he wrote it, so that the answer has its place in it.

import { keyOf, type SlicedTable } from '../changes/sliced.js';
import { slicedTables } from '../changes/sliced-changes.js';
import { isRelabelled } from '../compile/assigned.js';
import type { CompileInput } from '../compile/compile.js';
import { layoutOf } from '../compile/layout.js';
import { oldRelation, type Relation } from '../compile/mapping.js';
import { type BaseTypes, baseTypes } from '../release/base-type.js';
import { type Catalog, findTable, type Table } from '../release/catalog.js';
import type { CustomTable } from '../release/evolution.js';
import { typesApart } from '../release/types-apart.js';
import { joined, name, names, type Sql, sql, trusted } from '../sql.js';
import { hintOf, NEW_COPIES, OLD_COPIES, type Question } from './question.js';

type Copies = typeof OLD_COPIES | typeof NEW_COPIES;

/** Of what the author has written: the queries of custom. */
export function queryQuestions({ from: older, to, evolution }: CompileInput): Question[] {
  const from = typesApart(older.catalog, to.catalog);
  const bases = baseTypes(from, to.catalog);
  const asked = (one: CustomTable, catalog: Catalog, copies: Copies) =>
    statedQuery(one, copies, columnsByText(findTable(catalog, one.table), bases));
  return evolution.changes
    .filter((change) => change.kind === 'custom')
    .flatMap((change) => [
      ...change.from.map((one) => asked(one, from, OLD_COPIES)),
      ...change.into.map((one) => asked(one, to.catalog, NEW_COPIES)),
    ]);
}

/** Columns whose labels are taken over by their text, with their types. */
function columnsByText(table: Table | undefined, bases: BaseTypes): ReadonlyMap<string, string> {
  const found = (table?.columns ?? []).filter((one) => isRelabelled(one.type, bases));
  return new Map(found.map((one) => [one.name, one.type]));
}

/** Of what all kinds are compiled to: the query of each table. */
export function sliceQuestions({ from, to, evolution }: CompileInput): Question[] {
  return layoutOf(from.catalog, to.catalog, evolution).sliced.flatMap((layout) => {
    const { kind, olds, news } = slicedTables(layout, evolution);
    const base = olds[0] as SlicedTable;
    return [
      ...olds.map((one) => foundQuery(one, { kind, copies: OLD_COPIES, base })),
      ...news.map((one) => foundQuery(one, { kind, copies: NEW_COPIES, base })),
    ];
  });
}

/** As an INSERT would assign its columns: a cast that no INSERT makes has to be written. */
function statedQuery(
  { table, query: stated }: CustomTable,
  copies: Copies,
  byText: ReadonlyMap<string, string>,
): Question {
  const { query, at, place } = stated;
  const other = copies === OLD_COPIES ? 'new' : 'old';
  const into = sql`insert into ${name(copies, table)} (${names(query.columns)})`;
  const values = query.columns.map((column) => {
    const type = byText.get(column);
    return type === undefined
      ? name('q', column)
      : sql`${name('q', column)}::text::${trusted(type)}`;
  });
  return {
    tables: copies === OLD_COPIES ? NEW_COPIES : OLD_COPIES,
    before: byText.size === 0 ? sql`${into} ` : sql`${into} select ${values} from (`,
    expression: trusted(query.sql),
    after: byText.size === 0 ? sql`` : sql`) as q`,
    finding: (refusal) => ({
      code: 'EVOLUTION_INVALID',
      message: `"query" of table "${table}": ${refusal.message}`,
      at: place?.(refusal.offset) ?? at,
      hint: refusal.isMismatch
        ? 'write the cast into the query: (…)::<type of the column>'
        : hintOf(refusal, `it sees the tables of the ${other} release`),
    }),
  };
}

interface Asked {
  readonly kind: string;
  readonly copies: Copies;
  /** The table whose columns all slices are named by. */
  readonly base: SlicedTable;
}

/** As the lens shows it, beside the rows of the table and those of the slices. */
function foundQuery(one: SlicedTable, { kind, copies, base }: Asked): Question {
  const { table, slice, via, at } = one;
  const pairs = [
    ...[...new Set([...(keyOf(one) ?? []), ...slice])].map((column) => [
      name('q', column),
      name('t', column),
    ]),
    ...(via === null ? slice : []).map((column, place) => [
      name('q', column),
      name('b', base.slice[place] ?? ''),
    ]),
  ];
  const equal = pairs.map(([left, right]) => sql`${left as Sql} = ${right as Sql}`);
  const slices = copyOf(oldRelation(base.table.name));
  return {
    before: sql`select from ${name(copies, table.name)} as t, ${slices} as b, (`,
    expression: one.query(copyOf),
    after: sql`) as q where ${joined(equal, ' and ')}`,
    finding: (refusal) => ({
      code: 'EVOLUTION_INVALID',
      message: `${kind} cannot make the rows of ${table.name}: ${refusal.message}`,
      at,
      hint: 'keys are compared, values are converted: give the columns types that allow it',
    }),
  };
}

function copyOf({ side, name: table }: Relation): Sql {
  return name(side === 'old' ? OLD_COPIES : NEW_COPIES, table);
}
