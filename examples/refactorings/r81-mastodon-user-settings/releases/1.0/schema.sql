-- Mastodon 4.2: rows of settings in YAML become one JSON document, under other keys.

create table users (
  id bigint primary key,
  email varchar not null
);
create table settings (
  thing_id bigint references users (id) on delete cascade,
  var varchar,
  value text,
  primary key (thing_id, var)
);
