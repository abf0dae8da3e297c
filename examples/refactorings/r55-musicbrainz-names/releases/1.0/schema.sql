-- MusicBrainz 2013: lookup tables of names give way to the names.

create table artist_name (id serial primary key, name varchar not null unique);
create table artist (
  id integer primary key,
  name integer not null references artist_name (id),
  sort_name integer not null references artist_name (id)
);
create index on artist (name);
create index on artist (sort_name);
