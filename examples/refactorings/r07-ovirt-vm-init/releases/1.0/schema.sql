-- oVirt 3.4: how a virtual machine begins goes to a table of its own.

create table vm_static (
  vm_guid uuid primary key,
  vm_name varchar(255) not null,
  domain varchar(40),
  time_zone varchar(40)
);
