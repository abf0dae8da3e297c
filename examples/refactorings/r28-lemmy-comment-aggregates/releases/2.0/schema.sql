-- Lemmy 1.0: the counters of a comment come back to the comment.

create table comment (
  id integer primary key,
  content text not null,
  score integer not null default 0,
  upvotes integer not null default 0,
  child_count integer not null default 0,
  hot_rank real not null default 0.0001
);
