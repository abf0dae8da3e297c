-- Pulp 3.25: rows of labels become a map in three tables.

create extension hstore;
create table core_label (
  content_type text not null,
  object_id uuid,
  key text,
  value text,
  primary key (object_id, key)
);
create table core_distribution (pulp_id uuid primary key, name text not null unique);
create table core_remote (pulp_id uuid primary key, name text not null unique);
create table core_repository (pulp_id uuid primary key, name text not null unique);
