-- Concourse 5.0: the pinned version of a resource becomes an optional row.

create table resources (
  id serial primary key,
  name text not null unique,
  api_pinned_version jsonb,
  pin_comment text
);
