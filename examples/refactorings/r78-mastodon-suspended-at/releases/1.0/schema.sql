-- Mastodon 2.9: a boolean becomes a point in time, which a row of another table knows.

create table domain_blocks (domain varchar primary key, created_at timestamp not null);
create table accounts (
  id bigint primary key,
  domain varchar not null default '',
  suspended boolean not null default false,
  created_at timestamp not null
);
create index on accounts (domain);
