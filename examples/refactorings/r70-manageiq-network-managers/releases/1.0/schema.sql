-- ManageIQ 2016: one row of a manager becomes two rows of the same table.

create table ext_management_systems (
  id bigint primary key,
  type varchar not null,
  name varchar not null
);
create table cloud_networks (
  id bigint primary key,
  ems_id bigint not null references ext_management_systems (id) on delete cascade,
  type varchar not null
);
create index on cloud_networks (ems_id);
