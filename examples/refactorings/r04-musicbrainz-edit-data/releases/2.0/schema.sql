-- MusicBrainz, schema 23: the data of an edit moves to a table of its own, as jsonb.

create table edit (
  id integer primary key,
  editor integer not null,
  type smallint not null
);
create table edit_data (
  edit integer primary key references edit (id) on delete cascade,
  data jsonb not null
);
create index edit_data_idx on edit_data using gin (data jsonb_path_ops);
