-- Katello 4.8: a pair of references becomes a row that refers to the pair's own table.

create table katello_content_view_environments (
  id integer primary key,
  content_view_id integer not null,
  environment_id integer not null,
  unique (content_view_id, environment_id)
);
create table katello_content_facets (
  id integer primary key,
  uuid text
);
create table katello_content_view_environment_content_facets (
  content_facet_id integer references katello_content_facets (id) on delete cascade,
  content_view_environment_id integer references katello_content_view_environments (id),
  primary key (content_facet_id, content_view_environment_id)
);
