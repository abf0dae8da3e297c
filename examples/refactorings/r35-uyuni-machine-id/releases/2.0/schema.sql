-- Uyuni 3.0.13: the machine id of a minion becomes that of its server.

create table rhnServer (
  id numeric primary key,
  name varchar(128),
  machine_id varchar(256)
);
create unique index rhn_server_maid_uq on rhnServer (machine_id) where machine_id is not null;
create table suseMinionInfo (
  server_id numeric primary key references rhnServer (id) on delete cascade,
  minion_id varchar(256) not null unique
);
