-- oVirt 4.4: the options of a user, one JSON object, become rows.

create table users (
  user_id uuid primary key,
  name text not null
);
create table user_profiles (
  property_id uuid primary key,
  user_id uuid not null references users (user_id) on delete cascade,
  property_name text not null,
  property_content jsonb not null,
  property_type text not null default 'Json',
  unique (user_id, property_name)
);
