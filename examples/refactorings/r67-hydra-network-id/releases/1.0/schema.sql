-- Hydra 2.2: each table gets a tenant, and a client is known by its id and its tenant.

create table hydra_client (
  pk serial primary key,
  id varchar(255) not null unique,
  client_name text not null
);
create table hydra_oauth2_access (
  signature varchar(255) primary key,
  client_id varchar(255) not null references hydra_client (id) on delete cascade,
  subject varchar(255) not null
);
create index on hydra_oauth2_access (client_id);
