-- NetBox 2.9: interfaces of virtual machines get a table of their own, and addresses say which one they belong to.

create table dcim_interface (
  id bigint primary key,
  device_id bigint not null,
  name varchar(64) not null,
  mtu integer
);
create table virtualization_vminterface (
  id bigint primary key,
  virtual_machine_id bigint not null,
  name varchar(64) not null,
  mtu integer
);
create table ipam_ipaddress (
  id bigint primary key,
  assigned_object_type text not null check (assigned_object_type in ('interface', 'vminterface')),
  assigned_object_id bigint not null,
  address inet not null
);
create index on ipam_ipaddress (assigned_object_id);
