-- Hydra 2.0: text delimited by | becomes arrays in jsonb, under the same name.

create table hydra_client (
  id varchar(255) primary key,
  redirect_uris text not null default '',
  grant_types text not null default ''
);
