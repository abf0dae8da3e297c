-- Harbor 2.2: tables of jobs, one for each use, become executions and schedules of any use; here three of them.

create table replication_execution (
  id serial primary key,
  policy_id integer not null,
  status varchar(32),
  status_text text,
  trigger varchar(64),
  total integer not null default 0,
  failed integer not null default 0
);
create index on replication_execution (policy_id);
create table replication_schedule_job (
  id serial primary key,
  policy_id integer not null unique,
  cron varchar(64) not null
);
create table admin_job (
  id serial primary key,
  job_name varchar(64) not null,
  job_kind varchar(64) not null check (job_kind in ('Generic', 'Periodic')),
  cron_str varchar(256),
  status varchar(64) not null default 'pending'
);
