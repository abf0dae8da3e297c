// A page of a list whose rows are on all shards: sorted, filtered and cut on each shard, then
// merged.
//
// Invariant: a page goes on after a row and not after a number of rows, so that rows that come or
// go meanwhile make no other row appear twice or be left out. A shard that does not answer takes
// away its rows, and the page says which shard and why.

import type { Outcome } from '@halflap/client';
import type { Log, Store } from '../store/store.js';
import type { Conditions } from './conditions.js';
import { cursorOf, placeOf } from './cursor.js';
import { asHalflapError, unavailable } from './problem.js';
import type { ShardAnswer } from './shapes.js';

export interface FleetList {
  /** What the rows are, after `select`; `id` is one of the columns. */
  readonly columns: string;
  /** After `from`. */
  readonly from: string;
  readonly conditions: Conditions;
  /** By what it is sorted, of a type that sorts alike here and there: text only in collation C. */
  readonly sort: { readonly expression: string; readonly type: string };
  readonly direction: 'asc' | 'desc';
  /** Which makes the order complete: a column of type uuid. */
  readonly id: string;
  /** What tells this list from others: its filters and its order. */
  readonly mark: object;
  /** Adds to every row the name of its shard, under this column. */
  readonly shardColumn?: string;
}

export interface PageAsked {
  readonly limit: number;
  readonly cursor: string | undefined;
  readonly total: boolean;
}

export interface FleetPage<Row> {
  readonly rows: readonly Row[];
  readonly next: string | null;
  readonly total: number | null;
  readonly shards: ShardAnswer[];
}

/** What a list needs of the server. */
export interface Gathering {
  readonly store: Store;
  readonly log: Log;
  readonly settings: { readonly shardMs: number };
}

/** @throws STORE_UNAVAILABLE when no shard answers; API_INVALID for a cursor of another list. */
export async function fleetPage<Row extends { readonly id: string }>(
  on: Gathering,
  list: FleetList,
  asked: PageAsked,
): Promise<FleetPage<Row>> {
  // Before the statement of the page adds its own places to the same values.
  const counting = asked.total ? countRows(on, list) : null;
  const { rows, outcomes } = await on.store.gather<Row & { sort_place: string }>(
    ...statementOf(list, asked, on.settings.shardMs),
  );
  const shards = shardAnswers(on, outcomes);
  const page = withoutCopies(rows).slice(0, asked.limit);
  const last = rows.length > asked.limit ? page.at(-1) : undefined;
  return {
    rows: page,
    next: last === undefined ? null : cursorOf(list.mark, [last.sort_place, last.id]),
    total: counting === null ? null : await counting,
    shards,
  };
}

function statementOf(list: FleetList, { cursor, limit }: PageAsked, timeoutMs: number) {
  const { columns, from, conditions, sort, direction, id } = list;
  if (cursor !== undefined) {
    const [place, lastId] = placeOf(list.mark, cursor, 2);
    const [sign, at] = [direction === 'asc' ? '>' : '<', conditions.place(place)];
    // As text first: the driver would otherwise have to know the type.
    conditions.add(
      `(${sort.expression}, ${id}) ${sign}
       (${at}::text::${sort.type}, ${conditions.place(lastId)}::text::uuid)`,
    );
  }
  const sql = `select ${columns}, ${sort.expression} as sort_key,
      (${sort.expression})::text as sort_place
    from ${from}
    where ${conditions.text}
    order by ${sort.expression} ${direction}, ${id} ${direction}
    limit ${conditions.place(limit + 1)}`;
  const orderBy = [
    { column: 'sort_key', direction },
    { column: 'id', direction },
  ] as const;
  const { shardColumn } = list;
  const named = shardColumn === undefined ? {} : { shardColumn };
  const options = { orderBy, limit: limit + 1, timeoutMs, ...named };
  return [sql, [...conditions.values], options] as const;
}

async function countRows(on: Gathering, { from, conditions }: FleetList): Promise<number> {
  const { rows } = await on.store.gather<{ n: number }>(
    `select count(*)::int as n from ${from} where ${conditions.text}`,
    [...conditions.values],
    { timeoutMs: on.settings.shardMs },
  );
  return rows.reduce((sum, { n }) => sum + n, 0);
}

/** While a bucket moves its hosts are on two shards for a moment. */
function withoutCopies<Row extends { readonly id: string }>(rows: readonly Row[]): Row[] {
  const seen = new Set<string>();
  return rows.filter(({ id }) => !seen.has(id) && seen.add(id));
}

/**
 * How the shards answered, as clients are told.
 * @throws STORE_UNAVAILABLE when none did; INTERNAL_DEFECT when a shard refused the statement.
 */
export function shardAnswers(on: Gathering, outcomes: readonly Outcome[]): ShardAnswer[] {
  const shards = outcomes.map(({ shard, ok, error }) => {
    if (ok) return { shard, ok };
    const told = asHalflapError(error);
    if (told.code !== 'STORE_UNAVAILABLE') throw told;
    on.log.warn({ shard, error }, 'a shard is missing from a list');
    return { shard, ok, error: 'it does not answer; what it has is missing here' };
  });
  if (shards.some(({ ok }) => ok)) return shards;
  throw unavailable(outcomes[0]?.error);
}
