-- Cloud Foundry 2016: an app becomes an app, its process, and its buildpack; the name of the table goes to another one.

create table spaces (id integer primary key, guid varchar(255) not null unique);
create table stacks (id integer primary key, name varchar(255) not null unique);
create table apps (
  guid varchar(255) primary key,
  name varchar(255) not null,
  space_guid varchar(255) not null references spaces (guid),
  desired_state varchar(255) not null default 'STOPPED'
);
create table processes (
  id serial primary key,
  guid varchar(255) not null unique,
  app_guid varchar(255) not null references apps (guid) on delete cascade,
  type varchar(255) not null default 'web',
  docker_image varchar(255),
  command text,
  memory integer
);
create index on processes (app_guid);
create table buildpack_lifecycle_data (
  app_guid varchar(255) primary key references apps (guid) on delete cascade,
  stack varchar(255)
);
