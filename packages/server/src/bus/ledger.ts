// What is still to be handled by each group, and who has it: the one place where claims are made
// and settled, whichever driver brought the news.
//
//   waiting ──claim──► claimed ──done──► (gone)
//      ▲                  │ │
//      ├──failed, let go──┘ └──given up──► parked ──an operator──► waiting, or gone
//      └── the claim has ended: the next claim takes it
//
// Invariants. A message is claimed only when every earlier one of its key in its group is gone, or
// claimed along with it by the same member, which handles them one after the other. A claim ends by
// the shard's clock; what settles names the claim, so that who comes late settles nothing.
//
// Two members that look at the same moment see the same rows: what the other one has locked is
// skipped, so each looks again whether it has all of a key's rows before the one that it takes.

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

export interface Claims {
  readonly rows: readonly Claimed[];
  /** Somebody else was quicker with some of a key; to be asked again. */
  readonly isContended: boolean;
}

const CLAIM = `
with candidates as materialized (
  select d.position, d.key, d.losses
  from bus_deliveries d
  where d.group_name = $1
    and d.topic = any($2::text[])
    and d.format = any($3::int[])
    and d.due_at <= now()
    and (d.key is null or not exists (
      select from bus_deliveries e
      where e.group_name = $1
        and e.key = d.key
        and e.position < d.position
        and (e.due_at > now() or e.topic <> all($2::text[]) or e.format <> all($3::int[]))))
  order by d.position
  limit $4
  for update of d skip locked
), ranked as (
  select position, key, losses, row_number() over (order by position) as rank
  from candidates
), eligible as materialized (
  -- A message that members die of is not to take others along: it is claimed before all others,
  -- or waits.
  select position, key
  from ranked
  where losses = 0 or rank = 1
), taken as materialized (
  select c.position
  from eligible c
  where c.key is null or not exists (
    select from bus_deliveries e
    where e.group_name = $1
      and e.key = c.key
      and e.position < c.position
      and e.position not in (select position from eligible))
), claimed as (
  update bus_deliveries d
  set claim = $5, server = $6, due_at = now() + make_interval(secs => $7),
      losses = d.losses + (d.claim is not null)::int
  from taken t, bus_messages m
  where d.group_name = $1 and d.position = t.position and m.id = d.message_id
  returning d.position, d.claim, d.message_id as id, d.key, m.envelope, d.attempts, d.losses
)
select s.seen, c.*
from (select count(*)::int as seen from candidates) s
left join claimed c on true
order by c.position`;

/** Takes at most `limit` messages, those that have waited longest first. */
export async function claim(
  shard: Shard,
  member: Member,
  { limit, claim, timeoutMs }: { limit: number; claim: string; timeoutMs: number },
): Promise<Claims> {
  const { group, topics, formats, server, claimSeconds } = member;
  const { rows } = await shard.query<Claimed & { readonly seen: number }>(
    {
      name: 'halflap_bus_claim',
      text: CLAIM,
      values: [group, topics, formats, limit, claim, server, claimSeconds],
    },
    undefined,
    { timeoutMs },
  );
  const taken = rows.filter(({ position }) => position !== null);
  return { rows: taken, isContended: taken.length === 0 && (rows[0]?.seen ?? 0) > 0 };
}

/** Positions with their claims, and what becomes of them. */
export interface Settlement {
  readonly group: string;
  readonly held: readonly Pick<Claimed, 'position' | 'claim'>[];
  readonly timeoutMs: number;
}

const OWN = `
  d.group_name = $1
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
