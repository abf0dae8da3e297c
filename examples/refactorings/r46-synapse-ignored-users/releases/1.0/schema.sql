-- Synapse, schema 59: the keys of a JSON document get rows of their own, and the document stays.

create table account_data (
  user_id text,
  account_data_type text,
  content text not null,
  primary key (user_id, account_data_type)
);
