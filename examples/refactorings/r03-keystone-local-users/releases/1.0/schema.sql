-- Keystone Mitaka: a user has a name and a password.

create table "user" (
  id varchar(64) primary key,
  name varchar(255) not null,
  domain_id varchar(64) not null,
  password varchar(128),
  enabled boolean,
  unique (domain_id, name)
);
