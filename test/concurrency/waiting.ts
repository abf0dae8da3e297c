// Waits until a session waits: the signal that lets two sessions be brought into a fixed order.

import { type Client, withClient } from '../evolving/databases.js';

/** Resolves when the session's statement waits for a lock or looks for it again and again. */
export async function waitsForLock(url: string, client: Client): Promise<void> {
  const pid = (client as unknown as { processID: number }).processID;
  await withClient(url, null, async (watcher) => {
    for (;;) {
      const { rows } = await watcher.query<{ waits: string }>(
        `select exists (select from pg_locks where pid = ${pid} and not granted)
           or exists (select from pg_stat_activity where pid = ${pid} and wait_event = 'PgSleep')
           as waits`,
      );
      if (rows[0]?.waits === 't') return;
    }
  });
}
