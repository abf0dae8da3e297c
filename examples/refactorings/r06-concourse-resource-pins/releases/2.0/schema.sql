-- Concourse 5.0: the pinned version of a resource becomes an optional row.

create table resources (
  id serial primary key,
  name text not null unique
);
create table resource_pins (
  resource_id integer primary key references resources (id) on delete cascade,
  version jsonb not null,
  comment_text text not null
);
