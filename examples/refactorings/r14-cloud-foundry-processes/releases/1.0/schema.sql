-- Cloud Foundry 2016: an app becomes an app, its process, and its buildpack; the name of the table goes to another one.

create table spaces (id integer primary key, guid varchar(255) not null unique);
create table stacks (id integer primary key, name varchar(255) not null unique);
create table apps (
  id serial primary key,
  guid varchar(255) not null unique,
  name varchar(255) not null,
  space_id integer not null references spaces (id),
  stack_id integer references stacks (id),
  state varchar(255) not null default 'STOPPED',
  docker_image varchar(255),
  command text,
  memory integer
);
