-- Windmill 2025: jobs that wait and jobs that are done share the table of what never changes.

create table queue (
  id uuid primary key,
  workspace_id varchar(50) not null,
  created_by varchar(255) not null,
  args jsonb,
  scheduled_for timestamptz not null,
  running boolean not null default false,
  last_ping timestamptz,
  mem_peak integer,
  flow_status jsonb
);
create table completed_job (
  id uuid primary key,
  workspace_id varchar(50) not null,
  created_by varchar(255) not null,
  args jsonb,
  duration_ms bigint not null,
  success boolean not null,
  is_skipped boolean not null default false,
  canceled boolean not null default false,
  result jsonb,
  mem_peak integer
);
