-- Glance 14.0: a boolean becomes a visibility of four values, one of which depends on the members.

create type image_visibility as enum ('private', 'public', 'shared', 'community');
create table images (
  id varchar(36) primary key,
  name text,
  visibility image_visibility not null default 'shared'
);
create table image_members (
  id integer primary key,
  image_id varchar(36) not null references images (id) on delete cascade,
  member text not null,
  deleted boolean not null default false,
  unique (image_id, member)
);
