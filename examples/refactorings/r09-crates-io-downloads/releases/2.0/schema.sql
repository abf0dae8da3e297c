-- crates.io 2024: the downloads of a crate go to a table of their own.

create table crates (
  id serial primary key,
  name text not null unique
);
create table crate_downloads (
  crate_id integer primary key references crates (id) on delete cascade,
  downloads bigint not null default 0
);
