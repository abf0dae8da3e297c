// What an operator sees of the bus: how much waits for each group, what was given up and why; and
// what he can do about that.

import type { Fleet, Gathered, Outcome, Shard } from '@halflap/client';
import { FORMATS, type Formats, formatsRead } from './envelope.js';
import { LOCK_KEY } from './publish.js';

/** Of one group on one shard. */
export type Backlog = {
  readonly shard: string;
  readonly group: string;
  /** To be taken, now or after a pause. */
  readonly waiting: number;
  readonly claimed: number;
  /** Of those waiting: in a format that this server does not read. */
  readonly unreadable: number;
  readonly parked: number;
  /** When the oldest that is not parked was published; null for none. */
  readonly since: Date | null;
  /** How long ago that was, by the shard's clock; 0 for none. */
  readonly seconds: number;
};

/** What was given up by one group. */
export type Parked = {
  /** Of the message for this group: follows from both. */
  readonly id: string;
  readonly shard: string;
  readonly group: string;
  /** Names it, with shard and group, until it is given back. */
  readonly position: string;
  readonly message: string;
  readonly topic: string;
  readonly key: string | null;
  readonly reason: string;
  readonly attempts: number;
  /** Servers that have vanished over it. */
  readonly losses: number;
  /** The server that has given it up. */
  readonly server: string | null;
  readonly parkedAt: Date;
  readonly publishedAt: Date;
  readonly envelope: string;
};

/** What Parked is selected by, but for the shard, which whoever gathers it adds. */
export const PARKED = {
  id: `substr(encode(
    sha256(convert_to(p.group_name || ' ' || p.message_id, 'UTF8')), 'hex'), 1, 32)::uuid`,
  columns: `p.group_name as "group", p.position, p.message_id as message, p.topic, p.key, p.reason,
    p.attempts, p.losses, p.server, p.parked_at as "parkedAt", m.created_at as "publishedAt",
    m.envelope`,
  from: 'bus_parked p join bus_messages m on m.id = p.message_id',
} as const;

/** Of one shard, a row for each group; its parameter: the formats that are read. */
export const BACKLOG = `
with undone as (
  select d.group_name, count(*)::int as undone,
    count(*) filter (where d.claim is not null and d.due_at > now())::int as claimed,
    count(*) filter (where d.format <> all($1::int[]))::int as unreadable,
    min(m.created_at) as since
  from bus_deliveries d
  join bus_messages m on m.id = d.message_id
  group by d.group_name
), parked as (
  select group_name, count(*)::int as parked
  from bus_parked
  group by group_name
)
select group_name as "group", coalesce(undone, 0) - coalesce(claimed, 0) as waiting,
  coalesce(claimed, 0) as claimed, coalesce(unreadable, 0) as unreadable,
  coalesce(parked, 0) as parked, since,
  coalesce(extract(epoch from now() - since), 0)::float8 as seconds
from (select distinct name as group_name from bus_groups) g
full join undone using (group_name)
full join parked using (group_name)
order by group_name`;

/** How much waits, for each group and shard; and which shards did not answer. */
export function backlogOf(
  fleet: Fleet,
  timeoutMs: number,
  formats: Formats = FORMATS,
): Promise<Gathered<Backlog>> {
  return fleet.gather(BACKLOG, [formatsRead(formats)], { timeoutMs, shardColumn: 'shard' });
}

const ONE_PARKED = `
select ${PARKED.id} as id, ${PARKED.columns}
from ${PARKED.from}
where ${PARKED.id} = $1::text::uuid`;

/** What was given up under that id; and which shards did not answer, one of which may have it. */
export async function findParked(
  fleet: Fleet,
  id: string,
  timeoutMs: number,
): Promise<{ readonly parked: Parked | undefined; readonly outcomes: readonly Outcome[] }> {
  const asked = { timeoutMs, shardColumn: 'shard' };
  const { rows, outcomes } = await fleet.gather<Parked>(ONE_PARKED, [id], asked);
  return { parked: rows[0], outcomes };
}

/** To be tried again from the beginning, behind what waits of its key. False when it is gone. */
export async function giveBack(
  shard: Shard,
  { group, position }: Pick<Parked, 'group' | 'position'>,
  timeoutMs: number,
): Promise<boolean> {
  const { rowCount } = await shard.query(GIVE_BACK, [group, position], { timeoutMs });
  return rowCount === 1;
}

// As it is published, with the lock of its key before its number: see publish.ts.
const GIVE_BACK = `
with given as (
  delete from bus_parked
  where group_name = $1 and position = $2
  returning *
), locked as materialized (
  select g.*, ${LOCK_KEY} as lock
  from given g
)
insert into bus_deliveries (group_name, position, message_id, topic, key, format, reason)
select group_name, nextval(pg_get_serial_sequence('bus_messages', 'position')), message_id, topic,
  key, format, reason
from locked`;

/** Never to be handled by that group. False when it is gone. */
export async function discard(
  shard: Shard,
  { group, position }: Pick<Parked, 'group' | 'position'>,
  timeoutMs: number,
): Promise<boolean> {
  const { rowCount } = await shard.query(
    'delete from bus_parked where group_name = $1 and position = $2',
    [group, position],
    { timeoutMs },
  );
  return rowCount === 1;
}
