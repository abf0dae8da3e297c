-- Keystone 2013.1: one endpoint with three URLs in JSON becomes a row for each interface.

create table endpoint (
  id varchar(64) primary key,
  region varchar(255),
  service_id varchar(64) not null,
  extra jsonb not null,
  check (extra ? 'publicurl')
);
