-- Keystone 15: a limit gets a number of its own as its key, beside the string.

create table "limit" (
  internal_id serial primary key,
  id varchar(64) unique,
  project_id varchar(64) not null,
  resource_name varchar(255) not null,
  resource_limit integer not null
);
