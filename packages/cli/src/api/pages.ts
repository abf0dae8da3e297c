// Lists, page after page, until there is enough or nothing more.

import type { Page, ShardAnswer } from '@halflap/server';
import { count, type Printer } from '../print.js';
import type { ApiClient } from './client.js';
import type { Asking, Operation } from './operation.js';

/** What every command that lists takes: options.ts declares it. */
export interface ListOptions {
  readonly limit?: number;
  readonly all?: boolean;
}

export interface Listed<Item> {
  readonly items: readonly Item[];
  /** Of the shards that answered; null where the list is not counted. */
  readonly total: number | null;
  readonly hasMore: boolean;
  /** How the shards answered, on all pages; empty where one shard has all of it. */
  readonly shards: readonly ShardAnswer[];
}

/** Without --limit and --all. */
export const DEFAULT_LIMIT = 100;
/** A list that takes longer says so, and again. */
const NOTE_EVERY_MS = 3000;

export interface Listing<Query extends string> extends Asking<string, Query, never> {
  /** For people: `hosts`. */
  readonly what: string;
}

/** @throws what `ask` does */
export async function fetchList<Item, Query extends string>(
  client: ApiClient,
  operation: Operation<Page<Item>, string, Query | 'limit' | 'cursor'>,
  { what, params, query }: Listing<Query>,
  { limit, note }: { readonly limit: number } & Pick<Printer, 'note'>,
): Promise<Listed<Item>> {
  const items: Item[] = [];
  const shards = new Map<string, ShardAnswer>();
  const mayCount = operation.query.includes('total' as Query);
  let total: number | null = null;
  let cursor: string | null = null;
  let notedAt = performance.now();
  do {
    const size = Math.min(operation.pageLimit, limit - items.length);
    const counting = mayCount && cursor === null ? { total: true } : {};
    const page: Page<Item> = await client.ask(operation as Operation<Page<Item>>, {
      ...(params === undefined ? {} : { params }),
      query: { ...query, ...counting, limit: size, cursor: cursor ?? undefined },
    });
    items.push(...page.items);
    total ??= page.total ?? null;
    for (const one of page.shards ?? []) {
      if (shards.get(one.shard)?.ok !== false) shards.set(one.shard, one);
    }
    cursor = page.next;
    if (performance.now() - notedAt > NOTE_EVERY_MS && cursor !== null) {
      notedAt = performance.now();
      note(`${ofAll(items.length, total)} ${what} so far`);
    }
  } while (cursor !== null && items.length < limit);
  return { items, total, hasMore: cursor !== null, shards: [...shards.values()] };
}

/** `400 of 1 234`. */
export function ofAll(some: number, total: number | null): string {
  return total === null || total === some ? count(some) : `${count(some)} of ${count(total)}`;
}
