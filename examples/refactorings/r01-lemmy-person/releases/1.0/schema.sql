-- Lemmy 0.10: users become persons, and those of this server have a login as well.

create table user_ (
  id serial primary key,
  name text not null,
  actor_id text not null unique,
  local boolean not null default true,
  banned boolean not null default false,
  password_encrypted text not null,
  email text unique,
  admin boolean not null default false,
  theme varchar(20) not null default 'darkly'
);
create table post (
  id serial primary key,
  name text not null,
  creator_id integer not null references user_ (id) on delete cascade
);
create table community_follower (
  community_id integer,
  user_id integer references user_ (id) on delete cascade,
  primary key (community_id, user_id)
);
