-- PyPI 2019: a release has its description.

create table releases (
  id uuid primary key default gen_random_uuid(),
  version text not null unique,
  description text,
  description_content_type text
);
