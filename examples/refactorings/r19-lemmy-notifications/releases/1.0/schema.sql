-- Lemmy 1.0: replies, mentions and what is unread of private messages become notifications.

create table comment_reply (
  id serial primary key,
  recipient_id integer not null,
  comment_id integer not null,
  read boolean not null default false,
  published timestamptz not null default now(),
  unique (recipient_id, comment_id)
);
create table person_post_mention (
  id serial primary key,
  recipient_id integer not null,
  post_id integer not null,
  read boolean not null default false,
  published timestamptz not null default now(),
  unique (recipient_id, post_id)
);
create table private_message (
  id serial primary key,
  recipient_id integer not null,
  content text not null,
  read boolean not null default false,
  published timestamptz not null default now()
);
create index on private_message (recipient_id);
