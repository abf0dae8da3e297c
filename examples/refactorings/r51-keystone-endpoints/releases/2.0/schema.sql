-- Keystone 2013.1: one endpoint with three URLs in JSON becomes a row for each interface.

create table endpoint (
  id varchar(64) primary key,
  legacy_endpoint_id varchar(64) not null,
  interface varchar(8) not null,
  region varchar(255),
  service_id varchar(64) not null,
  url text not null,
  extra jsonb not null default '{}',
  unique (legacy_endpoint_id, interface)
);
