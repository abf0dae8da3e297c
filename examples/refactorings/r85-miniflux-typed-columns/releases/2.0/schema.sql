-- Miniflux, schema 43: keys of an hstore become typed columns.

create extension hstore;
create table users (
  id integer primary key,
  username text not null unique,
  stylesheet text not null default '',
  google_id text not null default '',
  openid_connect_id text not null default ''
);
