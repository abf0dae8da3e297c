-- Mastodon 4.2: rows of settings in YAML become one JSON document, under other keys.

create table users (
  id bigint primary key,
  email varchar not null,
  settings text
);
