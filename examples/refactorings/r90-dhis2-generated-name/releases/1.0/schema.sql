-- DHIS2 2.42: the full name becomes a generated column.

create table userinfo (
  userinfoid bigint primary key,
  firstname varchar(160) not null,
  surname varchar(160) not null
);
