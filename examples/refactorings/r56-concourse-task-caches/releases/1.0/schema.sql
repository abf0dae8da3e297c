-- Concourse 5.3: repeated identities of task caches become rows of their own.

create table worker_task_caches (
  id serial primary key,
  worker_name text not null,
  job_id integer not null,
  step_name text not null,
  path text not null,
  unique (worker_name, job_id, step_name, path)
);
