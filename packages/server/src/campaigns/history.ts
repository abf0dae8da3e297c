// What a campaign keeps of its history: so much that a moment of it can be shown again, and no more
// than a store can hold when the campaign is paused for weeks, and for years after it.

import type { ClientBase } from 'pg';
import type { Store } from '../store/store.js';

/** Looks at the cluster, each with its matrix, of one campaign. */
const MOST_SEEN = 500;
/** Events of one campaign that come again and again by themselves. */
const MOST_REPEATED = 10_000;
const REPEATED = ['log', 'waits', 'stage', 'found', 'undone', 'interrupted', 'hook'];
/** Campaigns of one call: the rest waits for the next one. */
const MOST_CAMPAIGNS = 100;

/**
 * Within the transaction that notes another look. Where there are too many, the one that was
 * followed by the next soonest goes: a server that comes and goes all night leaves few, and what
 * was long so stays.
 */
export async function thinLooks(client: ClientBase, campaign: string): Promise<void> {
  await client.query(
    `with looks as (
       select e.number, lead(e.at) over (order by e.number) - e.at as lasted
       from campaign_events as e
       where e.campaign_id = $1 and e.kind = 'seen'
     )
     delete from campaign_events
     where number in (
       select l.number from looks as l
       where l.lasted is not null
       order by l.lasted, l.number
       limit greatest(0, (select count(*) from looks) - $2)
     )`,
    [campaign, MOST_SEEN],
  );
}

/**
 * Takes away the history of campaigns that ended long ago, and of others what is too much of it.
 * Their plans, and what became of each step, stay as long as the cluster. Idempotent; several
 * servers may do it at once.
 * @returns how many events have gone
 */
export async function purgeHistory(store: Store, keptDays: number): Promise<number> {
  const old = await store.home.query(
    `with old as (
       select c.id from campaigns as c
       where coalesce(c.ended_at, case when c.started_at is null then c.planned_at end)
           < now() - make_interval(days => $1)
         and exists (select from campaign_events as e where e.campaign_id = c.id)
       order by c.ended_at limit $2
     ), calls as (
       delete from campaign_hooks where campaign_id in (select id from old)
         and state not in ('waiting', 'running')
     )
     delete from campaign_events where campaign_id in (select id from old)`,
    [keptDays, MOST_CAMPAIGNS],
  );
  const repeated = await store.home.query(
    `delete from campaign_events where number in (
       select e.number
       from (
         select number, row_number() over (partition by campaign_id order by number desc) as place
         from campaign_events where kind = any($1::text[])
       ) as e
       where e.place > $2
     )`,
    [REPEATED, MOST_REPEATED],
  );
  return (old.rowCount ?? 0) + (repeated.rowCount ?? 0);
}
