-- Keystone Mitaka: domains become projects.

create table domain (
  id varchar(64) primary key,
  name varchar(64) not null unique,
  enabled boolean not null
);
create table project (
  id varchar(64) primary key,
  name varchar(64) not null,
  domain_id varchar(64) not null references domain (id),
  parent_id varchar(64) references project (id),
  enabled boolean,
  unique (domain_id, name)
);
