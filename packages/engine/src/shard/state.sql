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

-- The doors for application roles, which own nothing here: they may say that they live, and look.

create or replace function halflap.renew_lease(
  p_instance uuid, p_server text, p_release text, p_mode text, p_ttl_seconds int
) returns setof halflap.shard
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
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
  select * from halflap.shard;
$$;

create or replace function halflap.release_lease(p_instance uuid) returns void
language sql security definer
set search_path = pg_catalog, pg_temp
as $$
  delete from halflap.lease where instance = p_instance;
$$;

grant usage on schema halflap to public;
grant select on halflap.format, halflap.shard, halflap.journal, halflap.progress,
  halflap.lease, halflap.quarantine to public;
grant execute on function halflap.renew_lease(uuid, text, text, text, int),
  halflap.release_lease(uuid) to public;

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
