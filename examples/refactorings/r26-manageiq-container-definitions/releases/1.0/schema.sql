-- ManageIQ Gaprindashvili: the definition of a container becomes columns of it.

create table container_definitions (
  id bigserial primary key,
  image varchar,
  memory varchar,
  privileged boolean
);
create table containers (
  id bigserial primary key,
  name varchar,
  container_definition_id bigint not null unique
    references container_definitions (id) on delete cascade
);
create table container_port_configs (
  id bigserial primary key,
  port integer,
  container_definition_id bigint not null references container_definitions (id) on delete cascade
);
create index on container_port_configs (container_definition_id);
