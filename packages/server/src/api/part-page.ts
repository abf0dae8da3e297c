// A page of what one host has. The host's own shard sorts, filters and cuts it.

import type { Scope } from './caller.js';
import type { Conditions } from './conditions.js';
import { cursorOf, placeOf } from './cursor.js';
import type { Gathering } from './fleet-page.js';
import { hostRow } from './host-row.js';
import { limitOf } from './shapes.js';

export interface PartAsked {
  readonly hostId: string;
  readonly scope: Scope;
  readonly query: { readonly limit?: number; readonly cursor?: string };
  /** Filters, on the table as `t`. */
  readonly conditions: Conditions;
}

export interface Part<Row, Item> {
  readonly columns: string;
  /** It has a column `host_id`. */
  readonly table: string;
  /** Columns that order it completely, and their type. */
  readonly key: readonly string[];
  readonly keyType: 'text' | 'bigint';
  readonly direction: 'asc' | 'desc';
  item(row: Row): Item;
}

/** @throws API_NOT_FOUND when there is no such host within the scope; STORE_UNAVAILABLE */
export async function partPage<Row, Item>(
  { store }: Gathering,
  { hostId, scope, query, conditions }: PartAsked,
  part: Part<Row, Item>,
): Promise<{ items: Item[]; next: string | null }> {
  await hostRow(store, { hostId, scope }, 'h.id');
  const mark = [part.table, hostId, conditions.text, ...conditions.values];
  const limit = limitOf(query);
  conditions.add(`t.host_id = ${conditions.place(hostId)}`);
  const key = part.key.join(', ');
  if (query.cursor !== undefined) {
    const place = placeOf(mark, query.cursor, part.key.length).map(
      (value) => `${conditions.place(value)}::text::${part.keyType}`,
    );
    const sign = part.direction === 'asc' ? '>' : '<';
    conditions.add(`(${key}) ${sign} (${place.join(', ')})`);
  }
  const texts = part.key.map((one) => `${one}::text`);
  const rows = await store.readHost<Row & { sort_place: string[] }>(
    hostId,
    `select ${part.columns}, array[${texts.join(', ')}] as sort_place
     from ${part.table} t
     where ${conditions.text}
     order by ${part.key.map((one) => `${one} ${part.direction}`).join(', ')}
     limit ${conditions.place(limit + 1)}`,
    conditions.values,
  );
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map((row) => part.item(row)),
    next: last === undefined ? null : cursorOf(mark, last.sort_place),
  };
}
