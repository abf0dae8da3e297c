-- Lemmy 1.0: a table for each kind of moderation becomes one log; here three of eighteen.

create table post (
  id integer primary key,
  creator_id integer not null,
  community_id integer not null
);
create table admin_add (
  id serial primary key,
  mod_person_id integer not null,
  other_person_id integer not null,
  removed boolean not null default false,
  published_at timestamptz not null default now()
);
create index on admin_add (mod_person_id);
create table admin_ban (
  id serial primary key,
  mod_person_id integer not null,
  other_person_id integer not null,
  banned boolean not null default true,
  reason text,
  expires_at timestamptz,
  published_at timestamptz not null default now()
);
create index on admin_ban (mod_person_id);
create table mod_remove_post (
  id serial primary key,
  mod_person_id integer not null,
  post_id integer not null references post (id) on delete cascade,
  removed boolean not null default true,
  reason text,
  published_at timestamptz not null default now()
);
create index on mod_remove_post (mod_person_id);
create index on mod_remove_post (post_id);
