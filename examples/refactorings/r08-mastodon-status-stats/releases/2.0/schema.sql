-- Mastodon 2.5: the counters of a status go to a table of their own.

create table statuses (
  id bigint primary key,
  text text not null default ''
);
create table status_stats (
  id bigserial primary key,
  status_id bigint not null unique references statuses (id) on delete cascade,
  replies_count bigint not null default 0,
  reblogs_count bigint not null default 0,
  favourites_count bigint not null default 0
);
