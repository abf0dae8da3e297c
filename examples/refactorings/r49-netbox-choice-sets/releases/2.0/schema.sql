-- NetBox 3.6: the choices of a custom field become a choice set that the field refers to.

create table extras_customfieldchoiceset (
  id bigint primary key,
  name varchar(100) not null unique,
  extra_choices varchar(100)[] not null,
  order_alphabetically boolean not null default false
);
create table extras_customfield (
  id bigint primary key,
  name varchar(50) not null unique,
  type varchar(50) not null,
  choice_set_id bigint references extras_customfieldchoiceset (id) deferrable initially deferred,
  check (choice_set_id = id)
);
create index on extras_customfield (choice_set_id);
