// A page of a list that the home shard has.

import { askHome } from '../store/home.js';
import type { Conditions } from './conditions.js';
import { cursorOf, placeOf } from './cursor.js';
import type { Gathering } from './fleet-page.js';
import { limitOf } from './shapes.js';

export interface HomeList<Row, Item> {
  readonly columns: string;
  readonly from: string;
  readonly conditions: Conditions;
  /** Orders it completely; its type. */
  readonly key: string;
  readonly keyType: 'text' | 'bigint' | 'uuid';
  readonly direction: 'asc' | 'desc';
  item(row: Row): Item;
}

/** @throws STORE_UNAVAILABLE when the home shard is away; API_INVALID for another list's cursor. */
export async function homePage<Row, Item>(
  { store }: Pick<Gathering, 'store'>,
  query: { readonly limit?: number; readonly cursor?: string },
  list: HomeList<Row, Item>,
): Promise<{ items: Item[]; next: string | null }> {
  const { conditions, key, direction } = list;
  const limit = limitOf(query);
  const mark = [list.from, conditions.text, ...conditions.values];
  if (query.cursor !== undefined) {
    const [place] = placeOf(mark, query.cursor, 1);
    const sign = direction === 'asc' ? '>' : '<';
    conditions.add(`${key} ${sign} ${conditions.place(place)}::text::${list.keyType}`);
  }
  const rows = await askHome<Row & { sort_place: string }>(
    store,
    `select ${list.columns}, ${key}::text as sort_place from ${list.from}
     where ${conditions.text} order by ${key} ${direction} limit ${conditions.place(limit + 1)}`,
    conditions.values,
  );
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : undefined;
  return {
    items: page.map((row) => list.item(row)),
    next: last === undefined ? null : cursorOf(mark, [last.sort_place]),
  };
}
