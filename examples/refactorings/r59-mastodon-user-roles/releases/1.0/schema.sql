-- Mastodon 4.0: two booleans become a reference to a role.

create table users (
  id bigint primary key,
  email varchar not null,
  admin boolean not null default false,
  moderator boolean not null default false
);
