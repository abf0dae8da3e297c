-- Lemmy 1.0: the counters of a comment come back to the comment.

create table comment (
  id integer primary key,
  content text not null
);
create table comment_aggregates (
  comment_id integer primary key references comment (id) on delete cascade,
  score bigint not null default 0,
  upvotes bigint not null default 0,
  child_count integer not null default 0,
  hot_rank double precision not null default 0.0001
);
