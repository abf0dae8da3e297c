-- MusicBrainz 2013: lookup tables of names give way to the names.

create table artist (
  id integer primary key,
  name varchar not null,
  sort_name varchar not null
);
