// The messages that a consumer could not read, for people: list them, give them back to be read
// again, or discard them. Nothing else takes one away but a server that has read it.

import type { ParkedRow } from '@halflap/protocol';
import { type Session, withSession } from '../pg.js';

/** Oldest first; empty where the state is older than parked messages. @throws SHARD_UNREACHABLE. */
export async function readParked(url: string): Promise<ParkedRow[]> {
  return withSession(url, 'messages', async (session) => {
    if (!(await hasParked(session))) return [];
    return session.query<ParkedRow>(
      `select id::text, consumer, message_id, type, level, is_newer, reason, envelope, server,
              release, times, parked_at, returned_at
       from halflap.parked
       order by id`,
    );
  });
}

/**
 * Lets the next server that asks for parked messages read these again; all that wait where none is
 * named. Idempotent. Gives those that now wait for a server, of those that were named.
 */
export async function returnParked(url: string, ids: readonly string[] | null): Promise<string[]> {
  return changed(
    url,
    `update halflap.parked
     set returned_at = coalesce(returned_at, clock_timestamp())
     where $1::bigint[] is null or id = any ($1::bigint[])
     returning id::text`,
    ids,
  );
}

/** Takes them away for good. Idempotent. Gives those that were there. */
export async function discardParked(url: string, ids: readonly string[]): Promise<string[]> {
  return changed(
    url,
    'delete from halflap.parked where id = any ($1::bigint[]) returning id::text',
    ids,
  );
}

async function changed(
  url: string,
  statement: string,
  ids: readonly string[] | null,
): Promise<string[]> {
  return withSession(url, 'messages', async (session) => {
    if (!(await hasParked(session))) return [];
    const rows = await session.query<{ id: string }>(statement, [ids]);
    return rows.map(({ id }) => id);
  });
}

async function hasParked(session: Session): Promise<boolean> {
  const [found] = await session.query<{ has_parked: boolean }>(
    "select to_regclass('halflap.parked') is not null as has_parked",
  );
  return found?.has_parked === true;
}
