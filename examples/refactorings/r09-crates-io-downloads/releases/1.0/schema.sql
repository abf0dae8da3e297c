-- crates.io 2024: the downloads of a crate go to a table of their own.

create table crates (
  id serial primary key,
  name text not null unique,
  downloads integer not null default 0
);
