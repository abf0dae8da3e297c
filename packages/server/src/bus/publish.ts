// Publishing: rows in the transaction that changes the data, on the shard of that data.
//
// The order of a key is the order of commits, though numbers are drawn before: a lock for each key,
// until the end of the transaction, is taken before its number. So of two transactions with
// messages of one key the second draws once the first has ended. The keys of one call are locked in
// one order everywhere, so that two calls cannot wait for each other; two calls in one transaction
// can, and PostgreSQL then ends one of them with 40P01, as for rows that are locked crosswise.
//
// Nothing is notified here: a NOTIFY in the publishing transaction queues commits one after the
// other (PostgreSQL manual, NOTIFY). The doorbell rings once the transaction has ended, as its
// connection tells, and a server that dies in between is covered by everybody's polling.

import type { ClientBase } from 'pg';
import { type Formats, writeEnvelope } from './envelope.js';
import { type Draft, invalid, MAX_MESSAGES, messageOf } from './message.js';

/** Seed of the hashes of keys, so that these locks are nobody else's. "bus" in ASCII. */
const LOCK_SEED = 0x627573;

/** Taken before a position is drawn; of no key none. */
export const LOCK_KEY = `pg_advisory_xact_lock(hashtextextended(key, ${LOCK_SEED}))`;

const PUBLISH = `
with given as materialized (
  select m.*, ${LOCK_KEY} as lock
  from unnest($1::uuid[], $2::text[], $3::text[], $4::int[], $5::text[])
    as m (id, topic, key, format, envelope)
), written as (
  insert into bus_messages (id, topic, key, format, envelope)
  select id, topic, key, format, envelope
  from given
  on conflict (id) do nothing
  returning id, position, topic, key, format
), addressed as (
  insert into bus_deliveries (group_name, position, message_id, topic, key, format)
  select g.name, w.position, w.id, w.topic, w.key, w.format
  from written w
  join bus_groups g on g.topic = w.topic
)
select id
from written`;

export interface PublishOptions {
  readonly formats: Formats;
  readonly at: Date;
}

/**
 * Writes the messages in the transaction of `client`, and returns the ids of those that are new.
 * Takes one lock per key until the end of the transaction.
 * @throws BUS_INVALID, BUS_TOO_LARGE before anything was written.
 */
export async function publish(
  client: ClientBase,
  drafts: readonly Draft[],
  { formats, at }: PublishOptions,
): Promise<string[]> {
  if (drafts.length > MAX_MESSAGES) throw invalid('a call', `of at most ${MAX_MESSAGES} messages`);
  if (drafts.length === 0) return [];
  const messages = drafts
    .map((draft) => messageOf(draft, at, formats.writes))
    .sort((one, other) => compare(one.key ?? '', other.key ?? ''));
  const { rows } = await client.query<{ readonly id: string }>({
    name: 'halflap_bus_publish',
    text: PUBLISH,
    values: [
      messages.map(({ id }) => id),
      messages.map(({ topic }) => topic),
      messages.map(({ key }) => key),
      messages.map(({ format }) => format),
      messages.map((message) => writeEnvelope(message, formats)),
    ],
  });
  return rows.map(({ id }) => id);
}

/** By code units: the same on every server, unlike an order of language. */
function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

/** Tells when transactions end, once for each however often it was asked. */
export class Endings {
  readonly #watched = new WeakSet<ClientBase>();

  /** Calls `then` once the transaction of `client` has ended, whichever way. */
  after(client: ClientBase, then: () => void): void {
    if (client.getTransactionStatus() === 'I') {
      then();
      return;
    }
    if (this.#watched.has(client)) return;
    this.#watched.add(client);
    // The driver emits it whenever a client has nothing more to send.
    const look = () => {
      if (client.getTransactionStatus() === 'I') end();
    };
    const end = () => {
      client.off('drain', look);
      client.off('end', end);
      this.#watched.delete(client);
      then();
    };
    client.on('drain', look);
    client.on('end', end);
  }
}
