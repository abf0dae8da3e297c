-- Synapse, schema 59: the keys of a JSON document get rows of their own, and the document stays.

create table account_data (
  user_id text,
  account_data_type text,
  content text not null,
  primary key (user_id, account_data_type)
);
create table ignored_users (
  ignorer_user_id text,
  ignored_user_id text,
  primary key (ignorer_user_id, ignored_user_id)
);
create index on ignored_users (ignored_user_id);
