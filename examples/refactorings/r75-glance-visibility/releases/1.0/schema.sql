-- Glance 14.0: a boolean becomes a visibility of four values, one of which depends on the members.

create table images (
  id varchar(36) primary key,
  name text,
  is_public boolean not null
);
create table image_members (
  id integer primary key,
  image_id varchar(36) not null references images (id) on delete cascade,
  member text not null,
  deleted boolean not null default false,
  unique (image_id, member)
);
