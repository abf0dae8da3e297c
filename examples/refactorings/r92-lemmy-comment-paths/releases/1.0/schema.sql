-- Lemmy 0.17: the parent of a comment becomes a path from the root.

create extension ltree;
create table post (id integer primary key, name text not null);
create table comment (
  id integer primary key,
  post_id integer not null references post (id) on delete cascade,
  parent_id integer references comment (id) on delete cascade,
  content text not null
);
create index on comment (post_id);
