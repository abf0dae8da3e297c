-- Users have uuids, and addresses refer to those.
create table accounts_user (
  id uuid primary key default gen_random_uuid(),
  username text not null unique,
  name text not null default ''
);
create table accounts_email (
  id serial primary key,
  user_id uuid not null references accounts_user (id) on delete cascade,
  email text not null unique
);
create index on accounts_email (user_id);
