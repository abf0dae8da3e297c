-- NetBox 3.7: rules say which events lead to what: mostly to a webhook.

create table extras_webhook (
  id bigserial primary key,
  name varchar(150) not null unique,
  payload_url varchar(500) not null
);

create table extras_eventrule (
  id bigserial primary key,
  name varchar(150) not null unique,
  type_create boolean not null,
  type_delete boolean not null,
  enabled boolean not null,
  action_type varchar(30) not null default 'webhook',
  action_object_id bigint
);

create index on extras_eventrule (action_object_id);

create table extras_eventrule_content_types (
  eventrule_id bigint not null references extras_eventrule (id) on delete cascade,
  contenttype_id integer not null,
  primary key (eventrule_id, contenttype_id)
);
