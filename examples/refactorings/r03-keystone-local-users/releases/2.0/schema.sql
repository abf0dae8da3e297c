-- Keystone Mitaka: users may come from elsewhere; those of our own have a name, and a password.

create table "user" (
  id varchar(64) primary key,
  enabled boolean
);

create table local_user (
  id serial primary key,
  user_id varchar(64) not null unique references "user" (id) on delete cascade,
  domain_id varchar(64) not null,
  name varchar(255) not null,
  unique (domain_id, name)
);

create table password (
  id serial primary key,
  local_user_id integer not null references local_user (id) on delete cascade,
  password varchar(128) not null
);

create index on password (local_user_id);
