-- PyPI 2019: descriptions have a table of their own, to which releases refer.

create table release_descriptions (
  id uuid primary key default gen_random_uuid(),
  content_type text,
  raw text not null,
  html text not null default '',
  rendered_by text not null default ''
);

create table releases (
  id uuid primary key default gen_random_uuid(),
  version text not null unique,
  description_id uuid not null unique references release_descriptions (id)
);
