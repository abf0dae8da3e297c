-- oVirt 4.1: the MAC pool of a data center becomes that of its clusters.

create table mac_pools (id uuid primary key, name text);
create table storage_pool (
  id uuid primary key,
  name text
);
create table cluster (
  cluster_id uuid primary key,
  storage_pool_id uuid not null references storage_pool (id),
  name text,
  mac_pool_id uuid not null references mac_pools (id)
);
create index on cluster (storage_pool_id);
