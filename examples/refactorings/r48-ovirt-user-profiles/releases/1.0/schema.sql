-- oVirt 4.4: the options of a user, one JSON object, become rows.

create table users (
  user_id uuid primary key,
  name text not null,
  options jsonb not null default '{}'
);
