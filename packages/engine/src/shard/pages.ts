// Walks a relation in the order of its key, a page at a time: where does the page after this key
// end?

import type { KeyColumn } from '../compile/bundle.js';
import type { Session } from '../pg.js';
import { integer, joined, name, type Sql, sql } from '../sql.js';
import { type KeyRange, type KeyValues, rangeCondition } from './holes.js';

export interface Page {
  /** Rows found in the range, at most as many as asked for. */
  readonly rows: number;
  /** Key of the page's last row; null when the range holds fewer rows than asked for. */
  readonly upper: KeyValues | null;
}

/** `source` is a table or a parenthesized SELECT that has the key columns by their names. */
export async function findPage(
  session: Session,
  source: Sql,
  key: readonly KeyColumn[],
  range: KeyRange & { readonly rows: number },
): Promise<Page> {
  const columns = key.map((column) => name('source', column.name));
  const asText = key.map((column) => sql`${name('page', column.name)}::text`);
  // One row per key comes in index order, and the window stops with the limit: no sort of the rest.
  const text = sql`select array[${asText}] as upper, page.halflap_ordinal::int as ordinal
from (
  select ${columns}, row_number() over (order by ${columns}) as halflap_ordinal
  from ${source} source
  where ${rangeCondition('source', key, range)}
  order by ${columns}
  limit ${integer(range.rows)}
) page
order by page.halflap_ordinal desc
limit 1`.text;
  const [last] = await session.query<{ upper: string[]; ordinal: number }>(text);
  if (last === undefined) return { rows: 0, upper: null };
  return { rows: last.ordinal, upper: last.ordinal < range.rows ? null : last.upper };
}

/**
 * The size for the next page, from how long the last one took: at most double, at most a quarter.
 */
export function nextPageRows(last: {
  readonly rows: number;
  readonly tookMs: number;
  readonly targetMs: number;
  readonly least: number;
  readonly most: number;
}): number {
  const ideal = last.rows * (last.targetMs / Math.max(last.tookMs, 0.1));
  const next = Math.round(Math.min(Math.max(ideal, last.rows / 4), last.rows * 2));
  return clampRows(next, last);
}

/** An operator's limit counts even below the least size that we would choose. */
export function clampRows(
  rows: number,
  bounds: { readonly least: number; readonly most: number },
): number {
  return Math.max(Math.min(rows, bounds.most), Math.min(bounds.least, bounds.most));
}

/**
 * How many rows a table has, roughly: by statistics, or, where it was never analysed, by counting
 * up to a bound and then by its size. For people who watch; nothing is decided by it.
 */
export async function estimateRows(session: Session, source: Sql): Promise<number> {
  const [known] = await session.query<{ rows: number }>(
    `select coalesce(sum(reltuples), 0)::float8 as rows
     from pg_catalog.pg_class where oid = $1::regclass`,
    [source.text],
  );
  if ((known?.rows ?? 0) > 0) return Math.round(known?.rows ?? 0);
  const bound = 20_000;
  // The tuple header of 24 bytes and the line pointer of 4 are not in pg_column_size of a row read.
  const [counted] = await session.query<{ counted: number; by_size: number }>(
    sql`select count(*)::int as counted,
       coalesce(
         pg_catalog.pg_relation_size(pg_catalog.to_regclass($1)) / (avg(size) + 28), 0
       )::float8 as by_size
from (
  select pg_catalog.pg_column_size(source.*) as size from ${source} source limit ${integer(bound)}
) sample`.text,
    [source.text],
  );
  if (counted === undefined) return 0;
  return counted.counted < bound ? counted.counted : Math.max(bound, Math.round(counted.by_size));
}

/** A condition that joins two row sets on their key. */
export function keysEqual(left: string, right: string, key: readonly KeyColumn[]): Sql {
  return joined(
    key.map((column) => sql`${name(left, column.name)} = ${name(right, column.name)}`),
    ' and ',
  );
}
