// A shard that is away: its database takes no connection, and those that it had are gone.

import { Client } from 'pg';

/** Cuts the database off for the time of `body`. `elsewhere`: another one of the same server. */
export async function cutOff(
  url: string,
  elsewhere: string,
  body: () => Promise<void>,
): Promise<void> {
  const database = new URL(url).pathname.slice(1);
  const admin = new Client({ connectionString: elsewhere });
  await admin.connect();
  const allow = (isAllowed: boolean) =>
    admin.query(`alter database "${database}" with allow_connections ${isAllowed}`);
  try {
    await allow(false);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      database,
    ]);
    await body();
  } finally {
    await allow(true);
    await admin.end();
  }
}
