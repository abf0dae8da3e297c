-- Neutron Ussuri: a boolean becomes a row that grants access to everybody.

create table address_scopes (
  id varchar(36) primary key,
  project_id varchar(255) not null,
  shared boolean not null default false
);
