-- DHIS2 2.32: rows of values become a JSON map on the event, by the uid of a third table.

create table dataelement (
  dataelementid bigint primary key,
  uid varchar(11) not null unique
);
create table programstageinstance (
  programstageinstanceid bigint primary key,
  status varchar(25) not null,
  eventdatavalues jsonb not null default '{}'
);
create index on programstageinstance using gin (eventdatavalues);
