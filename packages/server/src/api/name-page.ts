// Pages of names over the whole fleet: of each name (a package, a service) its variants (versions,
// states) with the number of hosts that have each.
//
// A shard has millions of rows of such a table and some thousands of names. So it jumps through the
// index from name to name until it has a page, and counts the hosts of those names only. A page is
// complete up to the least of the last names of the shards that had more; what comes after it in
// what they answered is left to the next page.

import { restrict, type Scope } from './caller.js';
import { Conditions } from './conditions.js';
import { cursorOf, placeOf } from './cursor.js';
import { type Gathering, shardAnswers } from './fleet-page.js';
import type { ShardAnswer } from './shapes.js';

export interface NameList {
  /** Indexed by (name, variant, host_id); its names in collation C. */
  readonly table: 'host_packages' | 'host_services';
  readonly variant: 'version' | 'active_state';
}

export interface NamesAsked {
  readonly limit: number;
  readonly cursor: string | undefined;
  /** A part of the name. */
  readonly search: string | undefined;
  readonly scope: Scope;
}

export interface NamePage {
  readonly items: readonly Named[];
  readonly next: string | null;
  readonly shards: ShardAnswer[];
}

export interface Named {
  readonly name: string;
  readonly variants: readonly { readonly variant: string; readonly hosts: number }[];
}

interface Row extends Record<string, unknown> {
  readonly shard: string;
  readonly name: string;
  /** Null where no host within the scope has the name. */
  readonly variant: string | null;
  readonly hosts: number;
}

/** @throws STORE_UNAVAILABLE when no shard answers; API_INVALID for a cursor of another list. */
export async function namePage(
  on: Gathering,
  list: NameList,
  asked: NamesAsked,
): Promise<NamePage> {
  const { limit, cursor, search, scope } = asked;
  const mark = [list.table, search ?? null];
  const after = cursor === undefined ? '' : (placeOf(mark, cursor, 1)[0] ?? '');
  const conditions = new Conditions();
  const sql = statementOf(list, { limit, after, search, scope }, conditions);
  const { rows, outcomes } = await on.store.gather<Row>(sql, conditions.values, {
    shardColumn: 'shard',
    timeoutMs: on.settings.shardMs,
  });
  const shards = shardAnswers(on, outcomes);
  const names = completeNames(rows, limit);
  const byName = new Map<string, Row[]>();
  for (const row of rows) {
    const list = byName.get(row.name);
    if (list === undefined) byName.set(row.name, [row]);
    else list.push(row);
  }
  const items = names.list
    .map((name) => ({ name, variants: variantsOf(byName.get(name) ?? []) }))
    .filter(({ variants }) => variants.length > 0);
  const last = names.list.at(-1);
  const next = names.hasMore && last !== undefined ? cursorOf(mark, [last]) : null;
  return { items, next, shards };
}

function statementOf(
  { table, variant }: NameList,
  asked: Pick<NamesAsked, 'limit' | 'search' | 'scope'> & { readonly after: string },
  conditions: Conditions,
): string {
  const matches =
    asked.search === undefined ? 'true' : `strpos(name, ${conditions.place(asked.search)}) > 0`;
  const [after, limit] = [conditions.place(asked.after), conditions.place(asked.limit)];
  restrict(conditions, asked.scope, 'h.labels');
  const hosts = asked.scope === 'all' ? '' : 'join hosts h on h.id = t.host_id';
  const next = (than: string) => `select t.name from ${table} t
      where t.name > ${than} order by t.name limit 1`;
  return `with recursive names as (
      (select name, (${matches})::int as found from (${next(`${after}::text`)}) as first)
      union all
      select step.name, names.found + (step.matches)::int
      from names, lateral (
        select name, ${matches} as matches from (${next('names.name')}) as t
      ) as step
      where names.found < ${limit}::int
    )
    select name, counted.variant, coalesce(counted.hosts, 0)::int as hosts
    from names left join lateral (
      select one.variant, count(*) as hosts
      from (
        select distinct t.${variant} as variant, t.host_id
        from ${table} t ${hosts}
        where t.name = names.name and ${conditions.text}
      ) as one
      group by one.variant
    ) as counted on true
    where ${matches}`;
}

/** The names of which all shards have told, in their order, and whether there are more. */
function completeNames(rows: readonly Row[], limit: number) {
  const byShard = new Map<string, Set<string>>();
  for (const { shard, name } of rows) {
    const names = byShard.get(shard) ?? new Set();
    byShard.set(shard, names.add(name));
  }
  const lists = [...byShard.values()].map((names) => [...names].sort(byCode));
  const bounds = lists.filter(({ length }) => length >= limit).map((names) => names.at(-1) ?? '');
  const bound = [...bounds].sort(byCode)[0];
  const all = [...new Set(lists.flat())].sort(byCode);
  const complete = bound === undefined ? all : all.filter((name) => byCode(name, bound) <= 0);
  const list = complete.slice(0, limit);
  return { list, hasMore: bounds.length > 0 || all.length > list.length };
}

/** Of the rows of one name, from all shards: the most frequent first. */
function variantsOf(rows: readonly Row[]): Named['variants'] {
  const counts = new Map<string, number>();
  for (const row of rows) {
    if (row.variant === null) continue;
    counts.set(row.variant, (counts.get(row.variant) ?? 0) + row.hosts);
  }
  return [...counts]
    .map(([variant, hosts]) => ({ variant, hosts }))
    .sort((one, other) => other.hosts - one.hosts || byCode(one.variant, other.variant));
}

/** The order of collation C: by UTF-8 bytes. */
function byCode(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
