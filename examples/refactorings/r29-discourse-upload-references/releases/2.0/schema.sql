-- Discourse 2.9: who uses an upload is told by one table for posts, categories and settings.

create table categories (
  id integer primary key,
  name varchar(50) not null,
  uploaded_logo_id integer,
  uploaded_background_id integer
);
create table site_settings (
  id integer primary key,
  name varchar not null unique,
  data_type integer not null,
  value text
);
create table upload_references (
  upload_id integer,
  target_type varchar,
  target_id bigint,
  primary key (upload_id, target_type, target_id)
);
create index on upload_references (target_id);
