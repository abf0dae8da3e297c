// Which servers have read which keys: each notes it on the home shard whenever it has looked.
//
// A server counts as running for RUNNING_SECONDS after it has looked last. One that was paused for
// longer has lost its agents by then, and looks before it does anything with those that come.

import type { Queryable } from '../store/leases.js';

/** Several times of what lies between two looks of a server. */
const RUNNING_SECONDS = 60;

export async function noteReading(
  on: Queryable,
  server: string,
  keys: readonly string[],
): Promise<void> {
  await on.query(
    `insert into key_readers (server, keys) values ($1, $2::uuid[])
     on conflict (server) do update set keys = excluded.keys, read_at = now()`,
    [server, keys],
  );
}

/** A server that ends: nobody waits for it. */
export async function forgetReading(on: Queryable, server: string): Promise<void> {
  await on.query('delete from key_readers where server = $1', [server]);
}

export type Reader = {
  readonly server: string;
  readonly keys: readonly string[];
  readonly read_at: Date;
};

/** Servers that run, by name. */
export async function readReaders(on: Queryable): Promise<readonly Reader[]> {
  const { rows } = await on.query<Reader>(
    `select server, keys, read_at from key_readers
     where read_at > now() - make_interval(secs => $1)
     order by server`,
    [RUNNING_SECONDS],
  );
  return rows;
}

/** Those of them that have not read a key. */
export function behind(readers: readonly Reader[], key: string): string[] {
  return readers.filter(({ keys }) => !keys.includes(key)).map(({ server }) => server);
}
