-- oVirt 3.4: how a virtual machine begins goes to a table of its own.

create table vm_static (
  vm_guid uuid primary key,
  vm_name varchar(255) not null,
  time_zone varchar(40)
);
create table vm_init (
  vm_id uuid primary key references vm_static (vm_guid) on delete cascade,
  host_name text,
  domain text,
  time_zone varchar(40),
  regenerate_keys boolean not null default false
);
