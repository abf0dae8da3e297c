-- Spacewalk 1.6: an interface has a number, by which its addresses refer to it.

create table rhnServerNetInterface (
  id bigserial primary key,
  server_id bigint not null,
  name varchar(32) not null,
  hw_addr varchar(96),
  unique (server_id, name)
);

create table rhnServerNetAddress4 (
  interface_id bigint references rhnServerNetInterface (id) on delete cascade,
  address varchar(64),
  netmask varchar(64),
  primary key (interface_id, address)
);
