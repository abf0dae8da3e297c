-- NetBox 3.7: a webhook says by which events it is called, and for what.

create table extras_webhook (
  id bigserial primary key,
  name varchar(150) not null unique,
  type_create boolean not null,
  type_delete boolean not null,
  enabled boolean not null,
  payload_url varchar(500) not null
);

create table extras_webhook_content_types (
  webhook_id bigint not null references extras_webhook (id) on delete cascade,
  contenttype_id integer not null,
  primary key (webhook_id, contenttype_id)
);
