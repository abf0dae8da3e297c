// One of a list whose items people name by their ids: by the whole, or by enough of its beginning.

import { HalflapError } from '@halflap/protocol';
import type { Page } from '@halflap/server';
import type { ApiClient } from './client.js';
import type { Operation } from './operation.js';

const ID_LETTERS = 36;

export interface Beginning<Item, Query extends string> {
  /** For people: `job`. */
  readonly what: string;
  readonly operation: Operation<Page<Item>, string, Query | 'limit' | 'cursor'>;
  readonly query?: Readonly<Partial<Record<Query, string>>>;
  /** What tells it from others. */
  about(item: Item): string;
  /** The command that lists them. */
  readonly list: string;
}

/**
 * The id: of the latest ones, unless it is whole.
 * @throws COMMAND_INVALID for a beginning that several have; API_NOT_FOUND
 */
export async function findBeginning<Item extends { readonly id: string }, Query extends string>(
  client: ApiClient,
  text: string,
  { what, operation, query, about, list }: Beginning<Item, Query>,
): Promise<string> {
  const beginning = text.toLowerCase();
  if (beginning.length === ID_LETTERS) return beginning;
  const asked: Page<Item> = await client.ask(operation as Operation<Page<Item>>, {
    query: { ...query, limit: operation.pageLimit },
  });
  const found = asked.items.filter(({ id }) => id.startsWith(beginning));
  const [first, ...others] = found;
  if (first === undefined) {
    throw new HalflapError(
      'API_NOT_FOUND',
      `no recent ${what} begins with ${text}, or not for you`,
      { hint: list },
    );
  }
  if (others.length === 0) return first.id;
  throw new HalflapError('COMMAND_INVALID', `more than one ${what} begins with ${text}`, {
    detail: { evidence: found.map((item) => `${item.id}  ${about(item)}`) },
    hint: 'give more letters of its id',
  });
}
