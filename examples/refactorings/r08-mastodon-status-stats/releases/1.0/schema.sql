-- Mastodon 2.5: the counters of a status go to a table of their own.

create table statuses (
  id bigint primary key,
  text text not null default '',
  reblogs_count integer not null default 0,
  favourites_count integer not null default 0
);
