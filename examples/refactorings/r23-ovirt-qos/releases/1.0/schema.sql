-- oVirt 3.5: network_qos becomes rows of qos with a type.

create table network_qos (
  id uuid primary key,
  name varchar(50) not null,
  storage_pool_id uuid not null,
  inbound_average smallint,
  outbound_average smallint
);
create table qos (
  id uuid primary key,
  qos_type smallint not null check (qos_type <> 3),
  name varchar(50) not null,
  storage_pool_id uuid not null,
  max_iops integer
);
