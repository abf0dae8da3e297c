-- Neutron Zed: 'ip:port' and a port become an address and ranges of ports.

create table portforwardings (
  id varchar(36) primary key,
  floatingip_id varchar(36) not null,
  socket varchar(36) not null,
  external_port integer not null,
  protocol varchar(40) not null,
  unique (floatingip_id, external_port, protocol),
  check (socket ~ '^[0-9.]+:[0-9]{1,5}$')
);
