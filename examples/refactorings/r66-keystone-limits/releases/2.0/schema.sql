-- Keystone Stein: limits are told by a number, and the text stays beside it.

create table "limit" (
  internal_id serial primary key,
  id varchar(64) unique,
  project_id varchar(64),
  resource_name varchar(255) not null,
  resource_limit integer not null
);
