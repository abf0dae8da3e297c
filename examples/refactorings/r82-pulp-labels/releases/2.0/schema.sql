-- Pulp 3.25: rows of labels become a map in three tables.

create extension hstore;
create table core_distribution (
  pulp_id uuid primary key,
  name text not null unique,
  pulp_labels hstore not null default ''
);
create table core_remote (
  pulp_id uuid primary key,
  name text not null unique,
  pulp_labels hstore not null default ''
);
create table core_repository (
  pulp_id uuid primary key,
  name text not null unique,
  pulp_labels hstore not null default ''
);
