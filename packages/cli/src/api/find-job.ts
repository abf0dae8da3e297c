// A job as people name it: its id, or enough of its beginning.

import { HalflapError } from '@halflap/protocol';
import type { ApiClient } from './client.js';
import { OPERATIONS } from './operations.js';

const ID_LETTERS = 36;
/** Among which a beginning is looked for. */
const RECENT = 200;

/** The id. @throws COMMAND_INVALID for a beginning that several jobs have; API_NOT_FOUND */
export async function findJob(client: ApiClient, text: string): Promise<string> {
  const beginning = text.toLowerCase();
  if (beginning.length === ID_LETTERS) return beginning;
  const { items } = await client.ask(OPERATIONS.listJobs, { query: { limit: RECENT } });
  const found = items.filter(({ id }) => id.startsWith(beginning));
  const [first, ...others] = found;
  if (first === undefined) {
    throw new HalflapError('API_NOT_FOUND', `no recent job begins with ${text}, or not for you`, {
      hint: 'halflap jobs list',
    });
  }
  if (others.length === 0) return first.id;
  throw new HalflapError('COMMAND_INVALID', `more than one job begins with ${text}`, {
    detail: { evidence: found.map(({ id, name, state }) => `${id}  ${name}  ${state}`) },
    hint: 'give more letters of its id',
  });
}
