-- Synapse, schema 60: an indexed integer of the biggest table becomes a bigint.

create table events (
  event_id text primary key,
  stream_ordering integer not null unique,
  topological_ordering bigint not null,
  room_id text not null,
  contains_url boolean not null default false
);
create index events_room_stream on events (room_id, stream_ordering);
create index events_order_room on events (room_id, topological_ordering, stream_ordering);
create index event_contains_url on events (room_id, stream_ordering) where contains_url;
