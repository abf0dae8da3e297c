-- DHIS2 2.38: users and userinfo become one table.

create table userinfo (
  userinfoid bigint primary key,
  surname varchar(160) not null,
  firstname varchar(160) not null,
  email varchar(160)
);
create table users (
  userid bigint primary key references userinfo (userinfoid),
  username varchar(255) not null unique,
  password varchar(60),
  disabled boolean not null default false,
  lastlogin timestamp
);
create table usersettings (
  id integer primary key,
  owner bigint not null references users (userid),
  name text not null
);
