// The messages that a consumer could not read, for people: list them, give them back to be read
// again, or discard them. Nothing else takes one away but a server that has read it.

import type { ParkedRow } from '@halflap/protocol';
import { type Session, withReading, withSession } from '../pg.js';
import { LOOK_MS } from './feature-facts.js';

export interface ParkedOptions {
  /** The most that are read; default: all. */
  readonly most?: number;
  /** How much of each envelope is read, in characters; default: all of it, which may be 4 MiB. */
  readonly envelopeChars?: number;
  /** For the connection, and for each answer, in ms. */
  readonly timeoutMs?: number;
}

/** Oldest first; empty where the state is older than parked messages. @throws SHARD_UNREACHABLE. */
export async function readParked(url: string, options: ParkedOptions = {}): Promise<ParkedRow[]> {
  const { most = null, envelopeChars = null, timeoutMs = LOOK_MS } = options;
  const read = async (session: Session) => {
    if (!(await hasParked(session))) return [];
    return session.query<ParkedRow>(
      `select id::text, consumer, message_id, type, level, is_newer, reason, server, release,
              times, parked_at, returned_at,
              case when $2::int is null then envelope else left(envelope, $2) end as envelope
       from halflap.parked
       order by id
       limit $1`,
      [most, envelopeChars],
    );
  };
  return withReading(url, 'messages', read, { timeoutMs });
}

/**
 * Lets the next server that asks for parked messages read these again; all that wait where none is
 * named. Idempotent. Gives those that now wait for a server, of those that were named.
 */
export async function returnParked(
  url: string,
  ids: readonly string[] | null,
  timeoutMs = LOOK_MS,
): Promise<string[]> {
  const statement = `update halflap.parked
     set returned_at = coalesce(returned_at, clock_timestamp())
     where $1::bigint[] is null or id = any ($1::bigint[])
     returning id::text`;
  return changed(url, { statement, ids, timeoutMs });
}

/** Takes them away for good. Idempotent. Gives those that were there. */
export async function discardParked(
  url: string,
  ids: readonly string[],
  timeoutMs = LOOK_MS,
): Promise<string[]> {
  const statement = 'delete from halflap.parked where id = any ($1::bigint[]) returning id::text';
  return changed(url, { statement, ids, timeoutMs });
}

interface Change {
  readonly statement: string;
  readonly ids: readonly string[] | null;
  readonly timeoutMs: number;
}

/** All of it or nothing: a statement that takes longer changes nothing. */
async function changed(url: string, { statement, ids, timeoutMs }: Change): Promise<string[]> {
  const change = async (session: Session) => {
    await session.query(`set local statement_timeout = ${Math.ceil(timeoutMs)}`);
    if (!(await hasParked(session))) return [];
    const rows = await session.query<{ id: string }>(statement, [ids]);
    return rows.map(({ id }) => id);
  };
  const within = { timeoutMs };
  return withSession(
    url,
    'messages',
    (session) => session.transaction(() => change(session)),
    within,
  );
}

async function hasParked(session: Session): Promise<boolean> {
  const [found] = await session.query<{ has_parked: boolean }>(
    "select to_regclass('halflap.parked') is not null as has_parked",
  );
  return found?.has_parked === true;
}
