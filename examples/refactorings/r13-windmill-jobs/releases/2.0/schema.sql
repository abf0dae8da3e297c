-- Windmill 2025: jobs that wait and jobs that are done share the table of what never changes.

create table v2_job (
  id uuid primary key,
  workspace_id varchar(50) not null,
  created_by varchar(255) not null,
  args jsonb,
  script_entrypoint_override varchar(255)
);
create table v2_job_queue (
  id uuid primary key references v2_job (id) on delete cascade,
  scheduled_for timestamptz not null,
  running boolean not null default false
);
create table v2_job_runtime (
  id uuid primary key references v2_job (id) on delete cascade,
  ping timestamptz,
  memory_peak integer
);
create table v2_job_status (
  id uuid primary key references v2_job (id) on delete cascade,
  flow_status jsonb
);
create type job_status as enum ('success', 'failure', 'canceled', 'skipped');
create table v2_job_completed (
  id uuid primary key references v2_job (id) on delete cascade,
  duration_ms bigint not null,
  status job_status not null,
  result jsonb,
  memory_peak integer
);
