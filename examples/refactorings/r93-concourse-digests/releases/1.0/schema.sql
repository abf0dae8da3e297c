-- Concourse 8.0: md5 gives way to sha256, also in what refers to a version by its digest.

create table resource_config_versions (
  id integer primary key,
  resource_config_scope_id integer not null,
  version jsonb not null,
  version_md5 text not null,
  unique (resource_config_scope_id, version_md5)
);
create table build_inputs (
  build_id integer,
  resource_config_scope_id integer,
  version_md5 text not null,
  primary key (resource_config_scope_id, build_id)
);
