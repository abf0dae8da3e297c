-- NetBox 2.9: interfaces of virtual machines get a table of their own, and addresses say which one they belong to.

create table dcim_interface (
  id bigint primary key,
  device_id bigint,
  virtual_machine_id bigint,
  name varchar(64) not null,
  mtu integer,
  check ((device_id is null) <> (virtual_machine_id is null))
);
create table ipam_ipaddress (
  id bigint primary key,
  interface_id bigint not null references dcim_interface (id) on delete cascade,
  address inet not null
);
create index on ipam_ipaddress (interface_id);
