// The same rows in both releases of the example, made by SQL: what a database of release 2.0 holds
// that was never anything else is the yardstick of the new release's statements.

import type { Client } from 'pg';

const SITES = `insert into sites (code, city)
  select 's' || n, 'city ' || n from generate_series(1, 20) as n`;
const EVENTS = `insert into events (host_id, kind, message)
  select n, 'note', 'made' from generate_series(1, $1::int, 10) as n`;

const HOSTS_1 = `insert into hosts (name, owner, site, memory_mb, tags, agent_version, last_seen,
    heartbeat_count, load, status)
  select 'host-' || n, 'team-' || n % 50, 's' || 1 + n % 20, 1024 * (1 + n % 64), '{rack, prod}',
    '5.1.0', case when n % 20 > 0 then now() - n * interval '1 second' end, n % 1000, n % 8, 'ok'
  from generate_series(1, $1::int) as n`;

const HOSTS_2 = [
  `insert into hosts (name, team, site, memory_bytes, tags)
  select 'host-' || n, 'team-' || n % 50, 's' || 1 + n % 20, (1 + n % 64) * 1073741824::bigint,
    '{rack, prod}'
  from generate_series(1, $1::int) as n`,
  `insert into host_heartbeats (host_id, agent_version, last_seen, heartbeat_count, load)
  select n, '5.1.0', now() - n * interval '1 second', n % 1000, n % 8
  from generate_series(1, $1::int) as n where n % 20 > 0`,
  `insert into host_status (host_id, status)
  select n, 'ok' from generate_series(1, $1::int) as n`,
];

/** Fills an empty database of the release. */
export async function fill(client: Client, version: string, rows: number): Promise<void> {
  await client.query(SITES);
  for (const statement of version === '1.0' ? [HOSTS_1] : HOSTS_2) {
    await client.query(statement, [rows]);
  }
  await client.query(EVENTS, [rows]);
}

/** What an expansion fills, as one would write it by hand: the yardstick of backfill. */
export const BARE_FILL = [
  `insert into bare.hosts (id, name, team, site, memory_bytes, tags)
  select id, name, owner, site, memory_mb::bigint * 1048576, tags from public.hosts`,
  `insert into bare.host_heartbeats (host_id, agent_version, last_seen, heartbeat_count, load)
  select id, agent_version, last_seen, heartbeat_count, load
  from public.hosts where last_seen is not null`,
  `insert into bare.host_status (host_id, status, reason)
  select id, status, status_reason from public.hosts`,
];
export const BARE_TABLES = ['hosts', 'host_heartbeats', 'host_status'];
