// What is still to be handled by each group, and who has it: the one place where claims are made
// and settled, whichever driver brought the news.
//
//   waiting ──claim──► claimed ──done──► (gone)
//      ▲                  │ │
//      ├──failed, let go──┘ └──given up──► parked ──an operator──► waiting, or gone
//      └── the claim has ended: the next claim takes it
//
// Invariants. Of the messages of one key in one group a member claims the first, and those right
// behind it along with it, to handle them one after the other; while the first is claimed, or waits
// for its next attempt, nobody claims any. New messages come behind all others of their key. A
// claim ends by the shard's clock; what settles names the claim, so that who comes late settles
// nothing.

import type { Shard } from '@halflap/client';

export interface Claimed {
  readonly position: string;
  readonly claim: string;
  readonly id: string;
  readonly key: string | null;
  readonly envelope: string;
  readonly attempts: number;
  readonly losses: number;
}

export interface Member {
  readonly group: string;
  readonly topics: readonly string[];
  readonly formats: readonly number[];
  readonly server: string;
  readonly claimSeconds: number;
}

// Only the first message of each key is looked at, by one step in an index from key to key, from
// behind the key that was taken last: so neither a long queue of one key costs anything, nor do the
// keys at the beginning of the alphabet come first. Whoever locks the first of a key has the key.
// To read all that waits in its order, and ask of each whether an earlier one is in hand, was tried
// first: with 20,000 messages of one key it took more than a second for each claim.
const CLAIM = `
with recursive firsts as (
  (
    select d.key, d.position, d.due_at, d.topic, d.format
    from bus_deliveries d
    where d.group_name = $1 and d.key > $5
    order by d.key, d.position
    limit 1
  )
  union all
  select n.*
  from firsts f
  cross join lateral (
    select d.key, d.position, d.due_at, d.topic, d.format
    from bus_deliveries d
    where d.group_name = $1 and d.key > f.key
    order by d.key, d.position
    limit 1
  ) n
), due as materialized (
  -- More than are wanted, because others may be locking the same ones just now.
  select position
  from firsts
  where due_at <= now() and topic = any($2::text[]) and format = any($3::int[])
  limit $4::int * 2 + 16
), keyed as materialized (
  select d.position, d.key, d.losses
  from bus_deliveries d
  where d.group_name = $1 and d.position = any(array(select position from due))
    and d.due_at <= now()
  limit $4
  for update of d skip locked
), loose as materialized (
  select d.position, d.key, d.losses
  from bus_deliveries d
  where d.group_name = $1 and d.key is null
    and d.due_at <= now() and d.topic = any($2::text[]) and d.format = any($3::int[])
  order by d.position
  limit $4
  for update of d skip locked
), candidates as materialized (
  select * from keyed union all select * from loose
), eligible as materialized (
  -- A message that members died of takes no other one along that members died of.
  select position, key
  from candidates
  where losses = 0 or position = (select min(position) from candidates)
), followers as (
  select f.position, 1 + f.place as place
  from eligible c
  cross join lateral (
    select e.position, row_number() over (order by e.position) as place,
      bool_and(e.due_at <= now() and e.losses = 0
        and e.topic = any($2::text[]) and e.format = any($3::int[]))
        over (order by e.position) as is_free
    from (
      select *
      from bus_deliveries
      where group_name = $1 and key = c.key and position > c.position
      order by position
      limit ($4::int - 1) / greatest(1, (select count(*) from eligible))
    ) e
  ) f
  where f.is_free
), taken as materialized (
  select position
  from (select position, 1 as place from eligible union all select * from followers) t
  order by place, position
  limit $4
), claimed as (
  update bus_deliveries d
  set claim = $6, server = $7, due_at = now() + make_interval(secs => $8),
      losses = d.losses + (d.claim is not null)::int
  from taken t, bus_messages m
  where d.group_name = $1 and d.position = t.position and m.id = d.message_id
  returning d.position, d.claim, d.message_id as id, d.key, m.envelope, d.attempts, d.losses
)
select s.due, c.*
from (select count(*)::int as due from due) s
left join claimed c on true
order by c.position`;

export interface Claims {
  readonly rows: readonly Claimed[];
  /** Others were quicker with some keys; there may be more at once. */
  readonly isContended: boolean;
}

export interface ClaimOrder {
  readonly limit: number;
  /** Of this claim alone. */
  readonly claim: string;
  /** Keys behind this one; all for an empty text. */
  readonly after: string;
  readonly timeoutMs: number;
}

/**
 * Takes at most `limit` messages, in the order of their positions.
 *
 * It is planned anew each time, for half a millisecond: a plan that was made while nothing waited
 * reads the whole table for each message once much does.
 */
export async function claim(shard: Shard, member: Member, order: ClaimOrder): Promise<Claims> {
  const { group, topics, formats, server, claimSeconds } = member;
  const { limit, claim, after, timeoutMs } = order;
  const values = [group, topics, formats, limit, after, claim, server, claimSeconds];
  const { rows } = await shard.query<Claimed & { readonly due: number }>(CLAIM, values, {
    timeoutMs,
  });
  const taken = rows.filter(({ position }) => position !== null);
  return { rows: taken, isContended: taken.length < Math.min(limit, rows[0]?.due ?? 0) };
}

/** Positions with their claims, and what becomes of them. */
export interface Settlement {
  readonly group: string;
  readonly held: readonly Pick<Claimed, 'position' | 'claim'>[];
  readonly timeoutMs: number;
}

const OWN = `
  d.group_name = $1
  and d.position = any($2::bigint[])
  and (d.position, d.claim) in (select * from unnest($2::bigint[], $3::uuid[]))`;

/** Handled. Returns the positions that were still the member's. */
export function settleDone(shard: Shard, settlement: Settlement): Promise<Set<string>> {
  const text = `delete from bus_deliveries d where ${OWN} returning d.position`;
  return settle(shard, settlement, text, []);
}

/** Keeps the claims for as long again. */
export function renew(
  shard: Shard,
  settlement: Settlement,
  claimSeconds: number,
): Promise<Set<string>> {
  const text = `
    update bus_deliveries d
    set due_at = now() + make_interval(secs => $4)
    where ${OWN}
    returning d.position`;
  return settle(shard, settlement, text, [claimSeconds]);
}

/** Not begun: anybody may take it at once. */
export function letGo(shard: Shard, settlement: Settlement): Promise<Set<string>> {
  const text = `
    update bus_deliveries d
    set claim = null, server = null, due_at = now()
    where ${OWN}
    returning d.position`;
  return settle(shard, settlement, text, []);
}

/** Failed: to be tried again after `pauseMs`. */
export function settleFailed(
  shard: Shard,
  settlement: Settlement,
  { reason, pauseMs }: { readonly reason: string; readonly pauseMs: number },
): Promise<Set<string>> {
  const text = `
    update bus_deliveries d
    set claim = null, server = null, attempts = d.attempts + 1, reason = $5,
        due_at = now() + make_interval(secs => $4)
    where ${OWN}
    returning d.position`;
  return settle(shard, settlement, text, [pauseMs / 1000, reason]);
}

/** Given up: put aside with its reason, and the next message of its key may be taken. */
export function settleParked(
  shard: Shard,
  settlement: Settlement,
  { reason, attempts }: { readonly reason: string; readonly attempts: number },
): Promise<Set<string>> {
  const text = `
    with gone as (delete from bus_deliveries d where ${OWN} returning d.*)
    insert into bus_parked
      (group_name, position, message_id, topic, key, format, attempts, losses, reason, server)
    select group_name, position, message_id, topic, key, format, $5, losses, $4, server
    from gone
    returning position`;
  return settle(shard, settlement, text, [reason, attempts]);
}

async function settle(
  shard: Shard,
  { group, held, timeoutMs }: Settlement,
  text: string,
  more: readonly unknown[],
): Promise<Set<string>> {
  const positions = held.map(({ position }) => position);
  const claims = held.map(({ claim }) => claim);
  const { rows } = await shard.query<{ readonly position: string }>(
    text,
    [group, positions, claims, ...more],
    { timeoutMs },
  );
  return new Set(rows.map(({ position }) => position));
}

/** From its commit on, the group gets what is published about its topics on this shard. */
export async function joinGroup(
  shard: Shard,
  { group, topics }: Pick<Member, 'group' | 'topics'>,
  timeoutMs: number,
): Promise<void> {
  await shard.query(
    `insert into bus_groups as g (name, topic)
     select $1, topic from unnest($2::text[]) as topic
     on conflict (name, topic) do update set seen_at = now()
       where g.seen_at < now() - interval '1 hour'`,
    [group, topics],
    { timeoutMs },
  );
}
