-- MusicBrainz, schema 24: the language of a work becomes rows.

create table language (id integer primary key, name text);
create table work (
  id integer primary key,
  name text not null
);
create table work_language (
  work integer references work (id) on delete cascade,
  language integer references language (id),
  edits_pending integer not null default 0,
  created timestamptz default now(),
  primary key (work, language)
);
