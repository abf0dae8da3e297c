// One of a list as people name it: by its id, or by its name where no other has that.

import { HalflapError } from '@halflap/protocol';
import type { Page } from '@halflap/server';
import type { ApiClient } from './client.js';
import type { Operation } from './operation.js';
import { fetchList } from './pages.js';

export interface Named {
  readonly id: string;
  readonly name: string;
}

export interface Sought<Item> {
  /** For people: `user`. */
  readonly what: string;
  readonly operation: Operation<Page<Item>, string, 'limit' | 'cursor'>;
  /** What tells it from others of its name. */
  about(item: Item): string;
}

/** @throws API_NOT_FOUND; COMMAND_INVALID when several have the name */
export async function findNamed<Item extends Named>(
  client: ApiClient,
  name: string,
  { what, operation, about }: Sought<Item>,
): Promise<Item> {
  const all = { limit: Number.POSITIVE_INFINITY, note: () => {} };
  const { items } = await fetchList(client, operation, { what: `${what}s` }, all);
  const byId = items.find(({ id }) => id === name.toLowerCase());
  if (byId !== undefined) return byId;
  const named = items.filter((item) => item.name.toLowerCase() === name.toLowerCase());
  const [first, ...others] = named;
  if (first === undefined) {
    throw new HalflapError('API_NOT_FOUND', `there is no ${what} ${name}, or not for you`, {
      hint: 'look at the list',
    });
  }
  if (others.length === 0) return first;
  throw new HalflapError('COMMAND_INVALID', `more than one ${what} is named ${name}`, {
    detail: { evidence: named.map((item) => `${item.id}  ${about(item)}`) },
    hint: 'name it by its id',
  });
}
