-- Neutron Zed: 'ip:port' and a port become an address and ranges of ports.

create table portforwardings (
  id varchar(36) primary key,
  floatingip_id varchar(36) not null,
  internal_ip_address varchar(64) not null,
  internal_port_start integer not null,
  internal_port_end integer not null,
  external_port_start integer not null,
  external_port_end integer not null,
  protocol varchar(40) not null,
  unique (floatingip_id, external_port_start, external_port_end, protocol)
);
