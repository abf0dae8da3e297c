-- Inventory 1.0: everything about a host in one row, so heartbeats and edits race for it.

create table sites (
  code text primary key,
  city text not null
);

create table hosts (
  id bigint generated always as identity primary key,
  -- Byte order on every shard, so that lists of several shards merge in one order.
  name text collate "C" not null unique,
  owner text not null,
  site text references sites (code),
  memory_mb int check (memory_mb > 0),
  tags text[] not null default '{}',
  agent_version text,
  last_seen timestamptz,
  heartbeat_count bigint not null default 0,
  load double precision,
  status text not null default 'unknown'
    check (status in ('unknown', 'ok', 'degraded', 'down')),
  status_reason text
);

create index hosts_owner on hosts (owner);
create index hosts_stale on hosts (last_seen);

create table events (
  id bigint generated always as identity primary key,
  host_id bigint not null references hosts (id) on delete cascade,
  kind text not null,
  message text not null,
  at timestamptz not null default now()
);

create index events_host on events (host_id, id);
