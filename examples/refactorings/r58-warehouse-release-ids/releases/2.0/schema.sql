-- PyPI 2018: projects and releases have uuids.

create table packages (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  summary text
);

create table releases (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references packages (id) on delete cascade,
  version text not null,
  keywords text,
  unique (project_id, version)
);

create table release_files (
  id serial primary key,
  release_id uuid not null references releases (id) on delete cascade,
  filename text not null unique
);

create index on release_files (release_id);
