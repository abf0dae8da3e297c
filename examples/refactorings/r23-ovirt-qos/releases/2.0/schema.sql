-- oVirt 3.5: network_qos becomes rows of qos with a type.

create table qos (
  id uuid primary key,
  qos_type smallint not null,
  name varchar(50),
  storage_pool_id uuid,
  max_iops integer,
  inbound_average smallint,
  outbound_average smallint
);
