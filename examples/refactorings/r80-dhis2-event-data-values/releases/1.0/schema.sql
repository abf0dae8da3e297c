-- DHIS2 2.32: rows of values become a JSON map on the event, by the uid of a third table.

create table dataelement (
  dataelementid bigint primary key,
  uid varchar(11) not null unique
);
create table programstageinstance (
  programstageinstanceid bigint primary key,
  status varchar(25) not null
);
create table trackedentitydatavalue (
  programstageinstanceid bigint references programstageinstance (programstageinstanceid) on delete cascade,
  dataelementid bigint references dataelement (dataelementid),
  value varchar(50000),
  storedby varchar(255),
  providedelsewhere boolean,
  created timestamp not null,
  primary key (programstageinstanceid, dataelementid)
);
