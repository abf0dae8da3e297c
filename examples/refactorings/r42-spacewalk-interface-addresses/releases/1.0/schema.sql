-- Spacewalk 1.6: an interface has its address.

create table rhnServerNetInterface (
  server_id bigint not null,
  name varchar(32) not null,
  ip_addr varchar(64),
  netmask varchar(64),
  hw_addr varchar(96),
  primary key (server_id, name)
);
