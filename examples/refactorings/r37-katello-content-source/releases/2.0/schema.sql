-- Katello 3.4: the content source of a host becomes that of its facet.

create table smart_proxies (id integer primary key, name text not null);
create table hosts (
  id integer primary key,
  name text not null
);
create table katello_content_facets (
  id serial primary key,
  host_id integer not null unique references hosts (id) on delete cascade,
  uuid text,
  content_source_id integer references smart_proxies (id)
);
