-- MusicBrainz, schema 23: a table of deleted entities for each type becomes one, with JSON.

create table deleted_entity (
  gid uuid primary key,
  data jsonb not null,
  deleted_at timestamptz not null default now()
);
create table editor_subscribe_artist_deleted (
  editor integer,
  gid uuid references deleted_entity (gid),
  primary key (editor, gid)
);
