-- Focalboard 7.2: blocks of one type become boards, keys of their JSON become columns.

create table blocks (
  id varchar(36) primary key,
  root_id varchar(36) not null,
  type text not null,
  title text not null,
  fields jsonb not null default '{}',
  workspace_id varchar(36) not null,
  created_by varchar(36) not null,
  check (jsonb_typeof(fields) = 'object'),
  check ((type = 'board') = (id = root_id))
);
create index on blocks (root_id);
