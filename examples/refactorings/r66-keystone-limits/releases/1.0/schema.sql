-- Keystone 15: a limit gets a number of its own as its key, beside the string.

create table "limit" (
  id varchar(64) primary key,
  project_id varchar(64) not null,
  resource_name varchar(255) not null,
  resource_limit integer not null
);
