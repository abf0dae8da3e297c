-- NetBox 3.6: the choices of a custom field become a choice set that the field refers to.

create table extras_customfield (
  id bigint primary key,
  name varchar(50) not null unique,
  type varchar(50) not null,
  choices varchar(100)[]
);
