-- Nova 2013.1: the flag of a soft delete becomes the id of the row, so that live names are unique.

create table instances (
  id integer primary key,
  name text not null,
  deleted integer not null default 0,
  deleted_at timestamp,
  unique (name, deleted)
);
create table shadow_instances (
  id integer primary key,
  name text not null,
  deleted integer not null default 0,
  deleted_at timestamp
);
create table volumes (
  id varchar(36) primary key,
  name text not null,
  deleted varchar(36) not null default '',
  unique (name, deleted)
);
