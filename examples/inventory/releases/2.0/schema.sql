-- Inventory 2.0: what people edit, what agents report and what monitoring says have tables of their own.

create table sites (
  code text primary key,
  city text not null
);

create table hosts (
  id bigint generated always as identity primary key,
  -- Byte order on every shard, so that lists of several shards merge in one order.
  name text collate "C" not null unique,
  team text not null,
  site text references sites (code),
  -- Whole mebibytes: what agents measure.
  memory_bytes bigint check (memory_bytes > 0 and memory_bytes % 1048576 = 0),
  tags text[] not null default '{}'
);

create index hosts_team on hosts (team);

-- A host has a row here from its first heartbeat on.
create table host_heartbeats (
  host_id bigint primary key references hosts (id) on delete cascade,
  agent_version text,
  last_seen timestamptz not null,
  heartbeat_count bigint not null default 0,
  load double precision
);

create index host_heartbeats_stale on host_heartbeats (last_seen);

-- Every host has a row here.
create table host_status (
  host_id bigint primary key references hosts (id) on delete cascade,
  status text not null default 'unknown'
    check (status in ('unknown', 'ok', 'degraded', 'down')),
  reason text
);

create table events (
  id bigint generated always as identity primary key,
  host_id bigint not null references hosts (id) on delete cascade,
  kind text not null,
  message text not null,
  at timestamptz not null default now()
);

create index events_host on events (host_id, id);
