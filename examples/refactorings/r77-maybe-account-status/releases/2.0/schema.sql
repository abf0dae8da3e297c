-- Maybe 0.6: two booleans become a status.

create table accounts (
  id uuid primary key,
  name text not null,
  status varchar not null default 'active'
);
