-- ManageIQ Gaprindashvili: the definition of a container becomes columns of it.

create table containers (
  id bigserial primary key,
  name varchar,
  image varchar,
  memory varchar,
  privileged boolean
);
create table container_port_configs (
  id bigserial primary key,
  port integer,
  container_id bigint not null references containers (id) on delete cascade
);
create index on container_port_configs (container_id);
