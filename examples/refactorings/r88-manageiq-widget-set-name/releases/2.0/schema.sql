-- ManageIQ: 'user|group|name' becomes three columns, in rows of one type only.

create table miq_sets (
  id bigint primary key,
  name varchar not null,
  set_type varchar not null,
  userid varchar,
  group_id bigint
);
