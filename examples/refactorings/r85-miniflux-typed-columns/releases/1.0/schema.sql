-- Miniflux, schema 43: keys of an hstore become typed columns.

create extension hstore;
create table users (
  id integer primary key,
  username text not null unique,
  extra hstore
);
