-- Lemmy 1.0: a table for each kind of moderation becomes one log; here three of eighteen.

create table post (
  id integer primary key,
  creator_id integer not null,
  community_id integer not null
);
create type modlog_kind as enum ('AdminAdd', 'AdminBan', 'ModRemovePost');
create table modlog (
  id bigserial primary key,
  kind modlog_kind not null,
  is_revert boolean not null,
  mod_id integer not null,
  reason text,
  target_person_id integer,
  target_community_id integer,
  target_post_id integer references post (id) on delete cascade,
  expires_at timestamptz,
  published_at timestamptz not null default now(),
  check (case kind
    when 'AdminAdd' then num_nonnulls(reason, target_community_id, target_post_id, expires_at) = 0
      and target_person_id is not null
    when 'AdminBan' then num_nonnulls(target_community_id, target_post_id) = 0
      and target_person_id is not null
    when 'ModRemovePost' then expires_at is null
      and num_nonnulls(target_person_id, target_community_id, target_post_id) = 3
  end)
);
create index on modlog (mod_id);
create index on modlog (target_post_id);
