-- Discourse 2.3: the flags of a post become one thing to review, with a score for each flag.

create table posts (id integer primary key, user_id integer not null, topic_id integer not null);
-- What is to be reviewed of a post has the number of the post.
create table reviewables (
  id bigint primary key,
  type varchar not null,
  status integer not null default 0,
  created_by_id integer not null,
  topic_id integer,
  target_type varchar,
  target_id integer,
  target_created_by_id integer
);
create table reviewable_scores (
  id bigserial primary key,
  reviewable_id bigint not null references reviewables (id) on delete cascade,
  user_id integer not null,
  reviewable_score_type integer not null,
  status integer not null default 0,
  reviewed_at timestamp,
  created_at timestamp not null,
  check ((status = 0) = (reviewed_at is null))
);
create index on reviewable_scores (reviewable_id);
