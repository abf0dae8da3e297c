-- Lemmy 0.18: codes become an enum, and the labels of another one are renamed.

create type registration_mode_enum as enum ('closed', 'require_application', 'open');
create table local_site (
  id integer primary key,
  registration_mode registration_mode_enum not null default 'require_application'
);
create table local_user (
  id integer primary key,
  default_sort_type smallint not null default 0,
  default_listing_type smallint not null default 1
);
