-- Discourse 2.3: the flags of a post become one thing to review, with a score for each flag.

create table posts (id integer primary key, user_id integer not null, topic_id integer not null);
create table post_actions (
  id bigserial primary key,
  post_id integer not null,
  user_id integer not null,
  post_action_type_id integer not null,
  created_at timestamp not null,
  agreed_at timestamp,
  disagreed_at timestamp,
  deferred_at timestamp,
  deleted_at timestamp
);
create index on post_actions (post_id);
