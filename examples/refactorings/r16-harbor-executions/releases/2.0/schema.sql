-- Harbor 2.2: tables of jobs, one for each use, become executions and schedules of any use; here three of them.

-- The number of a row is twice that which it has in 1.0, and one more for administration.
create table execution (
  id bigint primary key,
  vendor_type varchar(64) not null,
  vendor_id integer not null,
  status varchar(16),
  status_message text,
  trigger varchar(16) not null
);
create index on execution (vendor_id);
create table schedule (
  id bigint primary key,
  vendor_type varchar(64) not null,
  vendor_id integer not null,
  cron varchar(64) not null,
  cron_type varchar(64),
  unique (vendor_type, vendor_id)
);
create index on schedule (vendor_id);
