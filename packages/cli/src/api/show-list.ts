// A list as people and programs see it, and what is said of the shards that are missing from it.

import { EXIT } from '@halflap/protocol';
import type { Page, ShardAnswer } from '@halflap/server';
import type { Printer } from '../print.js';
import { table } from '../table.js';
import type { ApiClient } from './client.js';
import type { Operation } from './operation.js';
import {
  DEFAULT_LIMIT,
  fetchList,
  type Listed,
  type Listing,
  type ListOptions,
  ofAll,
} from './pages.js';

export interface Column<Item> {
  readonly title: string;
  cell(item: Item): string;
}

export interface ListShown<Item> {
  /** `host` and `hosts`; the second is the key of the list with --json, too. */
  readonly noun: readonly [one: string, many: string];
  readonly columns: readonly Column<Item>[];
}

export interface ListAsked<Item, Query extends string>
  extends Omit<Listing<Query>, 'what'>,
    ListShown<Item> {
  readonly operation: Operation<Page<Item>, string, Query | 'limit' | 'cursor'>;
  readonly options: ListOptions & { readonly partial?: boolean };
}

/** Fetches and prints; the exit code says when a shard is missing. @throws what `ask` does */
export async function showList<Item, Query extends string>(
  client: ApiClient,
  printer: Printer,
  { operation, options, ...asked }: ListAsked<Item, Query>,
): Promise<void> {
  const limit = options.all === true ? Number.POSITIVE_INFINITY : (options.limit ?? DEFAULT_LIMIT);
  const listing = { ...asked, what: asked.noun[1] };
  const listed = await fetchList(client, operation, listing, { limit, note: printer.note });
  const { items, total, hasMore, shards } = listed;
  printer.json({ [asked.noun[1]]: items, total, hasMore, shards });
  printer.line(listText(listed, asked, printer));
  tellMissing(shards, printer, options);
}

/** A table, and a line that counts. */
export function listText<Item>(
  { items, total, hasMore }: Pick<Listed<Item>, 'items' | 'total' | 'hasMore'>,
  { noun, columns }: ListShown<Item>,
  { width }: Pick<Printer, 'width'>,
): string {
  const [one, many] = noun;
  if (items.length === 0) return `no ${many}`;
  const rows = items.map((item) => columns.map(({ cell }) => cell(item)));
  const head = columns.map(({ title }) => title);
  const number = hasMore ? ofAll(items.length, total) : ofAll(items.length, null);
  const more = hasMore ? `; more with --limit N or --all` : '';
  return `${table(head, rows, width)}\n${number} ${number === '1' ? one : many}${more}`;
}

/** Which shards are missing; the exit code says so, unless that is expected. */
export function tellMissing(
  shards: readonly ShardAnswer[],
  { note, colors }: Pick<Printer, 'note' | 'colors'>,
  { partial }: { readonly partial?: boolean },
): void {
  const missing = shards.filter(({ ok }) => !ok);
  for (const { shard, error = 'it does not answer' } of missing) {
    note(`${colors.yellow(`shard ${shard}:`)} ${error}`);
  }
  if (missing.length > 0 && partial !== true) process.exitCode = EXIT.unreachable;
}
