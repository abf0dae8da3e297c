-- Users have numbers.
create table accounts_user (
  id serial primary key,
  username text not null unique,
  name text not null default ''
);
create table accounts_email (
  id serial primary key,
  user_id integer not null references accounts_user (id) on delete cascade,
  email text not null unique
);
create index on accounts_email (user_id);
