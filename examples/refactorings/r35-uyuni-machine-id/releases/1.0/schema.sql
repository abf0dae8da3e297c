-- Uyuni 3.0.13: the machine id of a minion becomes that of its server.

create table rhnServer (
  id numeric primary key,
  name varchar(128)
);
create table suseMinionInfo (
  server_id numeric primary key references rhnServer (id) on delete cascade,
  minion_id varchar(256) not null unique,
  machine_id varchar(256) not null unique
);
