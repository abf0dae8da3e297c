// The rows of one release that could not be carried to the other, for people: reads only.

import type { QuarantineRow } from '@halflap/protocol';
import { withSession } from '../pg.js';

/** Oldest first; empty where Halflap never was. @throws SHARD_UNREACHABLE. */
export async function readQuarantine(url: string): Promise<QuarantineRow[]> {
  return withSession(url, 'quarantine', async (session) => {
    const [found] = await session.query<{ has_state: boolean }>(
      "select to_regclass('halflap.quarantine') is not null as has_state",
    );
    if (!found?.has_state) return [];
    return session.query<QuarantineRow>(
      `select id::text, evolution, relation, key - ''::text as key, sqlstate, reason, noticed_at
       from halflap.quarantine
       order by id`,
    );
  });
}
