-- MusicBrainz, schema 23: the data of an edit moves to a table of its own, as jsonb.

create table edit (
  id integer primary key,
  editor integer not null,
  type smallint not null,
  data text not null
);
