-- ManageIQ 2014: a system has the columns of its one connection.

create table ext_management_systems (
  id bigserial primary key,
  name text not null,
  hostname text,
  ipaddress text,
  port text
);
