-- ManageIQ 2016: one row of a manager becomes two rows of the same table.

create table ext_management_systems (
  id bigint primary key,
  type varchar not null,
  name varchar not null,
  parent_ems_id bigint,
  root_id bigint not null,
  check (root_id = coalesce(parent_ems_id, id))
);
create index on ext_management_systems (root_id);
create table cloud_networks (
  id bigint primary key,
  ems_id bigint not null references ext_management_systems (id) on delete cascade,
  type varchar not null
);
create index on cloud_networks (ems_id);
