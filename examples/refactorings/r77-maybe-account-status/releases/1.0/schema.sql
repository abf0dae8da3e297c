-- Maybe 0.6: two booleans become a status.

create table accounts (
  id uuid primary key,
  name text not null,
  is_active boolean not null default true,
  scheduled_for_deletion boolean not null default false,
  check (is_active or not scheduled_for_deletion or scheduled_for_deletion)
);
