-- PyPI 2018: projects are told by their names, and releases by the project's name and a version.

create table packages (
  name text primary key,
  summary text
);

create table releases (
  name text references packages (name) on update cascade on delete cascade,
  version text,
  keywords text,
  primary key (name, version)
);

create table release_files (
  id serial primary key,
  name text not null,
  version text not null,
  filename text not null unique,
  foreign key (name, version) references releases (name, version) on update cascade on delete cascade
);

create index on release_files (name, version);
