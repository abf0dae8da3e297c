-- Focalboard 7.2: blocks of one type become boards, keys of their JSON become columns.

create table boards (
  id varchar(36) primary key,
  channel_id varchar(36) not null,
  title text not null,
  description text,
  is_template boolean not null default false,
  properties jsonb not null default '{}',
  card_properties jsonb not null default '[]',
  created_by varchar(36) not null
);
create table board_members (
  board_id varchar(36),
  user_id varchar(36),
  roles varchar(64) not null,
  primary key (board_id, user_id)
);
create table blocks (
  id varchar(36) primary key,
  board_id varchar(36) not null,
  type text not null,
  title text not null,
  fields jsonb not null default '{}',
  channel_id varchar(36) not null,
  created_by varchar(36) not null,
  check (jsonb_typeof(fields) = 'object'),
  check (type <> 'board')
);
create index on blocks (board_id);
