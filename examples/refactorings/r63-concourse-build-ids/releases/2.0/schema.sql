-- Concourse 7.0: the number of a build becomes a bigint, also in what refers to it.

create table builds (
  id bigint primary key,
  name text not null
);
create table build_events (
  event_id integer,
  build_id bigint references builds (id) on delete cascade,
  payload text not null,
  primary key (build_id, event_id)
);
