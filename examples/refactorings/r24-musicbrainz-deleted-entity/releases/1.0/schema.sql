-- MusicBrainz, schema 23: a table of deleted entities for each type becomes one, with JSON.

create table artist_deletion (
  gid uuid primary key,
  last_known_name varchar not null,
  last_known_comment text not null,
  deleted_at timestamptz not null default now()
);
create table label_deletion (
  gid uuid primary key,
  last_known_name varchar not null,
  last_known_comment text not null,
  deleted_at timestamptz not null default now()
);
create table editor_subscribe_artist_deleted (
  editor integer,
  gid uuid references artist_deletion (gid),
  primary key (editor, gid)
);
