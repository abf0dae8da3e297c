-- oVirt 3.6: ranges in the text of an option become a pool with ranges, to which every data center refers.

create table vdc_options (
  option_name varchar(100) primary key,
  option_value varchar(4000) not null
);
create table mac_pools (
  id uuid primary key default gen_random_uuid(),
  name varchar(255) not null,
  default_pool boolean not null default false
);
create table mac_pool_ranges (
  mac_pool_id uuid references mac_pools (id) on delete cascade,
  from_mac varchar(17),
  to_mac varchar(17) not null,
  primary key (mac_pool_id, from_mac)
);
create table storage_pool (
  id uuid primary key,
  name varchar(40) not null,
  mac_pool_id uuid not null references mac_pools (id)
);
