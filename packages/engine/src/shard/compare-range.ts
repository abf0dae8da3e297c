// One key range of both layouts, compared within the caller's snapshot: by count and hash, then by
// row.

import type { VerifyStep } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { integer, name, names, type Sql, sql } from '../sql.js';
import { type KeyRange, rangeCondition } from './holes.js';
import { keysEqual } from './pages.js';

/** The two sides of a verify step, ready to stand in a FROM clause. */
export interface Sides {
  readonly step: VerifyStep;
  readonly expected: Sql;
  readonly actual: Sql;
}

export interface Findings {
  readonly differences: number;
  /** One line per differing key, at most EVIDENCE_LINES. */
  readonly evidence: readonly string[];
}

/** Keys that an error names; all of them are counted. */
export const EVIDENCE_LINES = 20;

interface Compared {
  readonly rows: number;
  readonly isEqual: boolean;
}

/**
 * The sum of hashes does not depend on the order; with the count, duplicates cannot cancel out.
 * Rows are written `s.*`, since a column of a release may be called `s`.
 */
export async function compareRange(
  session: Session,
  sides: Sides,
  range: KeyRange,
): Promise<Compared> {
  const digest = (side: Sql) => sql`(
  select count(*)::int as rows, coalesce(sum(hashtextextended((s.*)::text, 0)), 0) as digest
  from ${inRange(sides, side, range)} s
)`;
  const [row] = await session.query<{ rows: number; is_equal: boolean }>(
    sql`select greatest(e.rows, a.rows) as rows, (e.rows, e.digest) = (a.rows, a.digest) as is_equal
from ${digest(sides.expected)} e, ${digest(sides.actual)} a`.text,
  );
  return { rows: row?.rows ?? 0, isEqual: row?.is_equal ?? false };
}

/**
 * Which keys differ and in which columns; values are left out, because they are customers' data.
 */
export async function listDifferences(
  session: Session,
  sides: Sides,
  range: KeyRange,
): Promise<Findings> {
  const { key, relation } = sides.step;
  const first = key[0]?.name ?? '';
  const rows = await session.query<DifferenceRow>(
    sql`select array[${key.map(
      ({ name: column }) => sql`coalesce(e.${name(column)}, a.${name(column)})::text`,
    )}] as key,
  case
    when a.${name(first)} is null then 'missing'
    when e.${name(first)} is null then 'extra'
    else 'different'
  end as kind,
  array(
    select coalesce(l.key, r.key)
    from jsonb_each_text(to_jsonb(e.*)) l
    full join jsonb_each_text(to_jsonb(a.*)) r on l.key = r.key
    where l.value is distinct from r.value
    order by 1
  ) as columns,
  (count(*) over ())::int as total
from ${inRange(sides, sides.expected, range)} e
full join ${inRange(sides, sides.actual, range)} a on ${keysEqual('e', 'a', key)}
where (e.*)::text is distinct from (a.*)::text
order by 1
limit ${integer(EVIDENCE_LINES)}`.text,
  );
  if (rows.length === 0) {
    // Equal row by row, yet not in number: one side holds a key more than once.
    const where = range.upper === null ? 'at the end' : `up to ${range.upper.join(', ')}`;
    return { differences: 1, evidence: [`${relation}: a key is there more than once, ${where}`] };
  }
  const keyNames = key.map((column) => column.name);
  return {
    differences: rows[0]?.total ?? rows.length,
    evidence: rows.map((row) => differenceLine(relation, keyNames, row)),
  };
}

interface DifferenceRow {
  readonly key: readonly string[];
  readonly kind: 'missing' | 'extra' | 'different';
  readonly columns: readonly string[];
  readonly total: number;
}

function differenceLine(relation: string, keyNames: readonly string[], row: DifferenceRow): string {
  const key = keyNames.map((column, at) => `${column}=${row.key[at]}`).join(', ');
  switch (row.kind) {
    case 'missing':
      return `${relation} (${key}): not in the new layout`;
    case 'extra':
      return `${relation} (${key}): only in the new layout`;
    case 'different':
      return `${relation} (${key}): differs in ${row.columns.join(', ') || 'its text form'}`;
    default:
      return row.kind satisfies never;
  }
}

/** The rows of one side within the range, as something to select from. */
function inRange(sides: Sides, side: Sql, range: KeyRange): Sql {
  const { key } = sides.step;
  return sql`(
  select x.* from ${side} as x ${keyAliases(sides.step)}
  where ${rangeCondition('x', key, range)}
)`;
}

/** `("id", "part")`: names for the leading columns of a side. */
function keyAliases(step: VerifyStep): Sql {
  return sql`(${names(step.key.map((column) => column.name))})`;
}
