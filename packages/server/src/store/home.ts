// What is asked of the home shard on behalf of a request: within a time, and when it is away with
// an error that says so.

import { HalflapError } from '@halflap/protocol';
import type { ClientBase, QueryResultRow } from 'pg';
import { asHalflapError } from '../api/problem.js';
import type { Store } from './store.js';

/** Longest statement, and longest wait for a lock, within a transaction of the home shard. */
const STATEMENT_MS = 5000;

/**
 * A transaction on the home shard, run again after a deadlock.
 * @throws STORE_UNAVAILABLE when the home shard is away.
 */
export async function atHome<Result>(
  store: Store,
  body: (client: ClientBase) => Promise<Result>,
): Promise<Result> {
  try {
    return await store.home.transaction(
      async (client) => {
        await client.query(`select set_config('statement_timeout', $1, true)`, [
          String(STATEMENT_MS),
        ]);
        return body(client);
      },
      { retry: true },
    );
  } catch (error) {
    throw homeError(error);
  }
}

/** One statement on the home shard. @throws STORE_UNAVAILABLE when it is away. */
export async function askHome<Row extends QueryResultRow>(
  store: Store,
  sql: string,
  values: readonly unknown[],
  timeoutMs = STATEMENT_MS,
): Promise<Row[]> {
  try {
    return (await store.home.query<Row>(sql, values, { timeoutMs })).rows;
  } catch (error) {
    throw homeError(error);
  }
}

function homeError(error: unknown): unknown {
  if (asHalflapError(error).code !== 'STORE_UNAVAILABLE') return error;
  return new HalflapError(
    'STORE_UNAVAILABLE',
    'the home shard does not answer; it has users, tokens, jobs and the audit log',
    {
      hint: 'hosts can be read meanwhile by who was known before; /readyz says how it stands',
      cause: error,
    },
  );
}
