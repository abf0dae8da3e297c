// A database under strain, as backfill sees it: more sessions wait for a lock than it bears.

import { openClient } from '../evolving/databases.js';

/** One more than LIMITS.waitingSessions of the engine. */
const SESSIONS = 21;
/** Of a lock that nobody else takes. */
const KEY = 7042;

/** Sessions wait for one that holds a lock, for the time of `body`. */
export async function underStrain(url: string, body: () => Promise<void>): Promise<void> {
  const opening = Array.from({ length: SESSIONS + 1 }, () => openClient(url));
  const [holder, ...waiters] = await Promise.all(opening);
  if (holder === undefined) return;
  await holder.query('select pg_advisory_lock($1)', [KEY]);
  const waiting = waiters.map((one) => one.query('select pg_advisory_xact_lock($1)', [KEY]));
  try {
    await body();
  } finally {
    await holder.end();
    await Promise.all(waiting);
    await Promise.all(waiters.map((one) => one.end()));
  }
}
