-- Keystone Stein: limits are told by a text.

create table "limit" (
  id varchar(64) primary key,
  project_id varchar(64),
  resource_name varchar(255) not null,
  resource_limit integer not null
);
