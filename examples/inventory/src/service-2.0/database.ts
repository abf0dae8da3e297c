// Release 2.0 and its shards: a fleet of @halflap/client, with every statement counted per request.

import type { Fleet, Shard, Mode as ShardMode } from '@halflap/client';
import { sqlState } from '../http/router.js';
import type { Mode, Tally } from '../http/tally.js';
import type { Database } from './hosts.js';

/** Two first heartbeats of one host met: the second try finds the row. */
const UNIQUE_VIOLATION = '23505';
/** Attempts after deadlocks and serialization failures; the bodies do nothing but SQL. */
const RETRIES = 10;

export interface Place {
  readonly fleet: Fleet;
  readonly hostName: string;
  readonly tally: Tally;
}

export function on(place: Place): Database {
  const shard = place.fleet.shardFor(place.hostName);
  return counted(shard, place.tally, (text, values) => shard.query(text, values));
}

/** Runs the body in a transaction on the host's shard; again when it lost a race. */
export async function transaction<Result>(
  place: Place,
  body: (database: Database) => Promise<Result>,
): Promise<Result> {
  const shard = place.fleet.shardFor(place.hostName);
  return shard.transaction(
    (client) =>
      body(counted(shard, place.tally, (text, values) => client.query(text, [...values]))),
    { retry: RETRIES },
  );
}

/** As `transaction`, and once more when another client inserted the same row first. */
export async function upserting<Result>(
  place: Place,
  body: (database: Database) => Promise<Result>,
): Promise<Result> {
  try {
    return await transaction(place, body);
  } catch (error) {
    if (sqlState(error) !== UNIQUE_VIOLATION) throw error;
    return transaction(place, body);
  }
}

/** A shard that answered served: natively or through a lens. */
export function servedMode(mode: ShardMode): Mode {
  return mode === 'lens' ? 'lens' : 'native';
}

type Run = (text: string, values: readonly unknown[]) => Promise<{ readonly rows: object[] }>;

function counted(shard: Shard, tally: Tally, run: Run): Database {
  return {
    async query<Row extends object>(text: string, values: readonly unknown[]) {
      const { rows } = await run(text, values);
      tally.add(shard.name, servedMode(shard.status.mode));
      return rows as Row[];
    },
  };
}
