-- Concourse 5.3: repeated identities of task caches become rows of their own.

create table task_caches (
  id serial primary key,
  job_id integer not null,
  step_name text not null,
  path text not null,
  unique (job_id, step_name, path)
);
create table worker_task_caches (
  id serial primary key,
  worker_name text not null,
  task_cache_id integer not null references task_caches (id) on delete cascade,
  unique (worker_name, task_cache_id)
);
