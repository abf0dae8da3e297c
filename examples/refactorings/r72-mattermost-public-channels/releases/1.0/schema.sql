-- Mattermost 5.0: public channels are copied into a table of their own.

create table channels (
  id varchar(26) primary key,
  deleteat bigint not null default 0,
  teamid varchar(26) not null,
  type varchar(1) not null,
  name varchar(64) not null,
  header varchar(1024)
);
