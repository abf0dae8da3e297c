-- Discourse 2.9: who uses an upload is told by one table for posts, categories and settings.

create table post_uploads (
  post_id integer,
  upload_id integer,
  primary key (post_id, upload_id)
);
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
