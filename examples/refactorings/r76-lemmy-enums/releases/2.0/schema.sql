-- Lemmy 0.18: codes become an enum, and the labels of another one are renamed.

create type registration_mode as enum ('Closed', 'RequireApplication', 'Open');
create type sort_type_enum as enum ('Active', 'Hot', 'New', 'Old', 'TopDay');
create type listing_type_enum as enum ('All', 'Local', 'Subscribed');
create table local_site (
  id integer primary key,
  registration_mode registration_mode not null default 'RequireApplication'
);
create table local_user (
  id integer primary key,
  default_sort_type sort_type_enum not null default 'Active',
  default_listing_type listing_type_enum not null default 'Local'
);
