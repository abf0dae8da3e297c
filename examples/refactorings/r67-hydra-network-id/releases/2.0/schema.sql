-- Hydra 2.2: each table gets a tenant, and a client is known by its id and its tenant.

create table hydra_client (
  id varchar(255),
  nid uuid,
  client_name text not null,
  primary key (id, nid)
);
create table hydra_oauth2_access (
  signature varchar(255) primary key,
  client_id varchar(255) not null,
  nid uuid not null,
  subject varchar(255) not null,
  foreign key (client_id, nid) references hydra_client (id, nid) on delete cascade
);
create index on hydra_oauth2_access (client_id, nid);
