-- MusicBrainz, schema 24: the language of a work becomes rows.

create table language (id integer primary key, name text);
create table work (
  id integer primary key,
  name text not null,
  language integer references language (id)
);
