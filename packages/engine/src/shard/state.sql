-- The state of a shard, in the shard. Idempotent: run at the start of every verb.
-- Format 1. Every object here is read by processes of other releases; see protocol/src/state.ts.

create schema if not exists halflap;

create table if not exists halflap.format (
  version int primary key,
  min_reader int not null
);
insert into halflap.format (version, min_reader) values (1, 1) on conflict do nothing;

create table if not exists halflap.shard (
  singleton boolean primary key default true check (singleton),
  app text not null,
  floor text not null,
  ceiling text not null,
  phase text not null default 'settled'
    check (phase in ('settled', 'prepared', 'expanding', 'dual', 'contracting')),
  bundle_hash text,
  fingerprint text not null,
  paused boolean not null default false,
  batch_rows int not null default 2000 check (batch_rows between 1 and 1000000),
  pace_ms int not null default 0 check (pace_ms between 0 and 3600000),
  -- Counts the runs of evolutions: one more each time that the shard settles.
  attempt bigint not null default 1,
  changed_at timestamptz not null default clock_timestamp()
);

create table if not exists halflap.journal (
  id bigint generated always as identity primary key,
  attempt bigint not null,
  verb text not null,
  evolution text not null,
  bundle_hash text not null,
  step text not null,
  runner text not null,
  detail jsonb not null default '{}',
  started_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  unique (attempt, step)
);

create table if not exists halflap.progress (
  step text primary key,
  relation text not null,
  cursor jsonb,
  rows_done bigint not null default 0,
  rows_estimated bigint not null default 0,
  differences bigint not null default 0,
  is_done boolean not null default false,
  started_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);

create table if not exists halflap.lease (
  instance uuid primary key,
  server text not null,
  release text not null,
  mode text not null check (mode in ('native', 'lens')),
  renewed_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null
);

create table if not exists halflap.quarantine (
  id bigint generated always as identity primary key,
  evolution text not null,
  relation text not null,
  key jsonb not null,
  sqlstate text not null,
  reason text not null,
  noticed_at timestamptz not null default clock_timestamp(),
  unique (evolution, relation, key)
);
-- A key may be there again with one more member, for a transaction that could not reach its row.
do $$
begin
  if to_regclass('halflap.quarantine_of_key') is null then
    create index quarantine_of_key on halflap.quarantine (evolution, relation, (key - ''::text));
  end if;
end
$$;

-- What servers of two releases agree upon: features, parked messages, behaviours. See
-- protocol/src/servers.ts.

create table if not exists halflap.server (
  instance uuid primary key references halflap.lease (instance) on delete cascade,
  about jsonb not null
);

create table if not exists halflap.feature (
  name text primary key,
  release text not null,
  state text not null check (state in ('allowed', 'enabled')),
  is_reversible boolean not null,
  changed_at timestamptz not null default clock_timestamp(),
  changed_by text not null
);

create table if not exists halflap.parked (
  id bigint generated always as identity primary key,
  consumer text not null check (length(consumer) <= 200),
  message_id text not null check (length(message_id) <= 200),
  type text check (length(type) <= 200),
  level text check (length(level) <= 200),
  is_newer boolean not null,
  reason text not null check (length(reason) <= 2000),
  envelope text not null check (octet_length(envelope) <= 4194304),
  server text not null,
  release text not null,
  times int not null default 1,
  parked_at timestamptz not null default clock_timestamp(),
  returned_at timestamptz,
  unique (consumer, message_id)
);

create table if not exists halflap.behaviour (
  name text not null check (length(name) <= 200),
  mode text not null check (mode in ('retained', 'changed')),
  uses bigint not null,
  first_used_at timestamptz not null default clock_timestamp(),
  last_used_at timestamptz not null default clock_timestamp(),
  server text not null,
  primary key (name, mode)
);

-- The doors for application roles, which own nothing here: they may say that they live, and look.

-- The number is the bytes of "feature".
create or replace function halflap.feature_lock() returns bigint
language sql immutable
set search_path = pg_catalog, pg_temp
as $$ select 28821916864574053 $$;

-- Servers take the lock shared, and who changes a feature takes it alone and writes the shard's
-- row: so no server begins between a look at all of them and what follows from it. A transaction
-- that keeps its first snapshot would not see what it waited for; the row lock tells it (40001).
create or replace function halflap.hold_features() returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock_shared(halflap.feature_lock());
  if current_setting('transaction_isolation') <> 'read committed' then
    perform from halflap.shard for share;
  end if;
end
$$;

-- Takes or renews the lease of a server that supports every feature which is allowed here; takes
-- none, and gives one back, where it does not: the features in the answer say which.
create or replace function halflap.register_server(
  p_instance uuid, p_server text, p_release text, p_mode text, p_ttl_seconds int, p_about jsonb
) returns table (shard halflap.shard, features jsonb, releases text[])
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if octet_length(p_about::text) > 65536 then
    raise program_limit_exceeded using
      message = 'what the server says about itself is longer than 65536 bytes',
      hint = 'Shorten the texts in servers.yaml.';
  end if;
  perform halflap.hold_features();
  if exists (
    select from halflap.feature as f
    where not coalesce(p_about -> 'features', '{}'::jsonb) ? f.name
  ) then
    delete from halflap.lease as l where l.instance = p_instance;
  else
    insert into halflap.lease as l (instance, server, release, mode, expires_at)
    values (
      p_instance, p_server, p_release, p_mode,
      clock_timestamp() + make_interval(secs => p_ttl_seconds)
    )
    on conflict (instance) do update
    set server = excluded.server,
        release = excluded.release,
        mode = excluded.mode,
        renewed_at = clock_timestamp(),
        expires_at = excluded.expires_at;
    insert into halflap.server as s (instance, about)
    values (p_instance, p_about)
    on conflict (instance) do update
    set about = excluded.about
    where s.about is distinct from excluded.about;
  end if;
  return query
    select s,
           (select coalesce(jsonb_object_agg(f.name, f.state), '{}'::jsonb)
            from halflap.feature as f),
           (select coalesce(array_agg(distinct l.release), '{}'::text[])
            from halflap.lease as l
            where l.expires_at > clock_timestamp())
    from halflap.shard as s;
end
$$;

-- The door of servers that say nothing about features, and so support none.
create or replace function halflap.renew_lease(
  p_instance uuid, p_server text, p_release text, p_mode text, p_ttl_seconds int
) returns setof halflap.shard
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  names text;
begin
  perform halflap.hold_features();
  select string_agg(f.name, ', ' order by f.name) into names from halflap.feature as f;
  if names is not null then
    raise exception using
      errcode = 'HL002',
      message = format(
        'release %s is not served on this shard: server %s does not say that it supports %s',
        p_release, p_server, names
      ),
      hint = 'Install a release that supports what halflap features list shows as allowed.';
  end if;
  insert into halflap.lease (instance, server, release, mode, expires_at)
  values (
    p_instance, p_server, p_release, p_mode,
    clock_timestamp() + make_interval(secs => p_ttl_seconds)
  )
  on conflict (instance) do update
  set server = excluded.server,
      release = excluded.release,
      mode = excluded.mode,
      renewed_at = clock_timestamp(),
      expires_at = excluded.expires_at;
  return query select * from halflap.shard;
end
$$;

create or replace function halflap.release_lease(p_instance uuid) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from halflap.lease where instance = p_instance;
$$;

-- Keeps a message that a consumer cannot read. Idempotent by consumer and message, so that one
-- which is delivered again, or which several servers of a group meet, is there once.
create or replace function halflap.park_message(p_message jsonb) returns bigint
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into halflap.parked as p
    (consumer, message_id, type, level, is_newer, reason, envelope, server, release)
  select m.consumer, m.message_id, m.type, m.level, m.is_newer, m.reason, m.envelope, m.server,
         m.release
  from jsonb_to_record(p_message) as m(
    consumer text, message_id text, type text, level text, is_newer boolean, reason text,
    envelope text, server text, release text
  )
  on conflict (consumer, message_id) do update
  set times = p.times + 1,
      is_newer = excluded.is_newer,
      reason = excluded.reason,
      server = excluded.server,
      release = excluded.release,
      parked_at = clock_timestamp(),
      returned_at = null
  returning id;
$$;

-- Takes out, for the time of the caller's transaction and then for good, what an operator has given
-- back, and what was parked only because it is of one of these releases.
create or replace function halflap.take_parked(p_consumer text, p_levels text[], p_limit int)
returns setof halflap.parked
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from halflap.parked as p
  where p.id in (
    select w.id
    from halflap.parked as w
    where w.consumer = p_consumer
      and (w.returned_at is not null or (w.is_newer and w.level = any (p_levels)))
    order by w.id
    limit p_limit
    for update skip locked
  )
  returning p.*;
$$;

-- Adds what one server has counted since it last did: [{"name", "mode", "uses"}], at most 1000.
create or replace function halflap.count_behaviours(p_server text, p_uses jsonb) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  insert into halflap.behaviour as b (name, mode, uses, server)
  select u.name, u.mode, u.uses, p_server
  from jsonb_to_recordset(p_uses) as u(name text, mode text, uses bigint)
  where u.uses > 0
  order by u.name, u.mode
  limit 1000
  on conflict (name, mode) do update
  set uses = b.uses + excluded.uses,
      last_used_at = clock_timestamp(),
      server = excluded.server;
$$;

grant usage on schema halflap to public;
grant select on halflap.format, halflap.shard, halflap.journal, halflap.progress,
  halflap.lease, halflap.quarantine, halflap.server, halflap.feature, halflap.behaviour to public;
grant execute on function halflap.renew_lease(uuid, text, text, text, int),
  halflap.register_server(uuid, text, text, text, int, jsonb),
  halflap.release_lease(uuid), halflap.park_message(jsonb),
  halflap.take_parked(text, text[], int), halflap.count_behaviours(text, jsonb) to public;

-- What tombstones answer with (compile/tombstone.ts). They outlive the evolution that made them.

create or replace function halflap.refuse_read(relation text, release text, successor text)
returns setof boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Sync that was under way when the fence came: its statement belongs to the release in service.
  if coalesce(current_setting('halflap.echo', true), '') <> '' then
    raise serialization_failure using
      message = format('could not serialize access due to the fence of release %s', release),
      hint = 'Run the transaction again.';
  end if;
  raise exception using
    errcode = 'HL002',
    message = format(
      'release %s is not served on this shard: %s belongs to release %s',
      release, relation, successor
    ),
    hint = format('This session runs release %s; the shard serves release %s.', release, successor);
end
$$;

create or replace function halflap.refuse_write() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform halflap.refuse_read(tg_argv[0], tg_argv[1], tg_argv[2]);
  return null;
end
$$;
grant execute on function halflap.refuse_read(text, text, text), halflap.refuse_write() to public;
