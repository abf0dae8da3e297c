-- Coder 2.21: the theme of a user becomes one of its settings.

create table users (
  id uuid primary key,
  username text not null unique,
  theme_preference text not null default ''
);
