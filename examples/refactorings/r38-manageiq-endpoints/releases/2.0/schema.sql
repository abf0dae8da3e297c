-- ManageIQ 2014: connections are rows, which systems and others have, by role.

create table ext_management_systems (
  id bigserial primary key,
  name text not null
);

create table endpoints (
  id bigserial primary key,
  role text not null default 'default',
  hostname text,
  ipaddress text,
  port integer,
  resource_type text not null,
  resource_id bigint not null
);

create index on endpoints (resource_id);
