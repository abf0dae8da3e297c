-- Mastodon 4.0: two booleans become a reference to a role.

create table user_roles (
  id bigint primary key,
  name varchar not null default '',
  permissions bigint not null default 0
);
create table users (
  id bigint primary key,
  email varchar not null,
  role_id bigint references user_roles (id) on delete set null
);
create index on users (role_id);
