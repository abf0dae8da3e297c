-- Coder 2.21: the theme of a user becomes one of its settings.

create table users (
  id uuid primary key,
  username text not null unique
);
create table user_configs (
  user_id uuid references users (id) on delete cascade,
  key varchar(256),
  value text not null,
  primary key (user_id, key)
);
