-- Neutron Ussuri: a boolean becomes a row that grants access to everybody.

create table address_scopes (
  id varchar(36) primary key,
  project_id varchar(255) not null
);
create table addressscoperbacs (
  project_id varchar(255),
  object_id varchar(36) references address_scopes (id) on delete cascade,
  target_tenant varchar(255),
  action varchar(255),
  primary key (object_id, target_tenant, action)
);
