-- Keystone Mitaka: domains become projects.

create table project (
  id varchar(64) primary key,
  name varchar(64) not null,
  domain_id varchar(64) not null references project (id),
  parent_id varchar(64) references project (id),
  enabled boolean,
  is_domain boolean not null default false,
  unique (domain_id, name)
);
