// What somebody who helps from afar wants to see of the store: counts, and what happened last.
//
// Invariant: only columns that are named here leave the store, and none of them is made to hold a
// secret: no labels, no notes, nothing of what jobs run or write, no message of the bus, no address
// of a target, no detail of an audit entry.

import type { ClientBase } from 'pg';
import type { StoreShard } from '../store/install.js';
import { type LookOptions, lookAt } from './store-facts.js';

/** Rows by the name of the list that they are of. */
export type Excerpt = Readonly<Record<string, readonly object[]>>;

/** Rows of each list at most. */
export const EXCERPT_ROWS = 500;

/** @throws what PostgreSQL and its driver do: no connection, no store of this release. */
export function readExcerpt(
  shard: StoreShard,
  { isHome, ...options }: LookOptions & { readonly isHome: boolean },
): Promise<Excerpt> {
  return lookAt(shard, options, async (client) => {
    const lists = isHome ? { ...EVERYWHERE, ...AT_HOME } : EVERYWHERE;
    const excerpt: Record<string, readonly object[]> = {};
    for (const [name, sql] of Object.entries(lists)) excerpt[name] = await rowsOf(client, sql);
    return excerpt;
  });
}

async function rowsOf(client: ClientBase, sql: string): Promise<readonly object[]> {
  return (await client.query<object>(`${sql}\nlimit ${EXCERPT_ROWS}`)).rows;
}

const EVERYWHERE = {
  tables: `
select relname as table, n_live_tup as rows, pg_total_relation_size(relid) as bytes, last_autovacuum
from pg_stat_user_tables
order by 3 desc`,
  hosts: `
select state, agent_version, protocol, count(*)
from hosts
group by 1, 2, 3
order by 4 desc`,
  runs: `
select state, count(*)
from job_runs
group by 1
order by 1`,
  events: `
select id, host_id, at, kind, severity, message
from host_events
order by id desc`,
  parked: `
select group_name, topic, attempts, losses, reason, server, parked_at
from bus_parked
order by parked_at desc`,
  relays: `
select name, owner, fence, expires_at
from bus_relays
order by name`,
  leases: `
select name, owner, fence, expires_at
from leases
order by expires_at desc`,
} as const;

const AT_HOME = {
  keys: `
select id, kind, created_at, retired_at
from cluster_keys
order by created_at`,
  jobs: `
select id, kind, state, stop_kind, total, created_at, deadline_at, ended_at
from jobs
order by created_at desc`,
  audit: `
select number, at, actor, act, target, outcome
from audit_entries
order by number desc`,
  deliveries: `
select t.kind, d.state, d.last_status, count(*), min(d.made_at) as oldest
from alert_deliveries d
join alert_targets t on t.id = d.target_id
group by 1, 2, 3
order by 4 desc`,
  users: `
select state, issuer is not null as is_from_provider, count(*)
from users
group by 1, 2
order by 3 desc`,
} as const;
