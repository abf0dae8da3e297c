-- Katello 4.4: a boolean becomes a mirroring policy, which depends on the vendor of the product.

create table katello_products (id integer primary key, name text not null, vendor text not null);
create table katello_root_repositories (
  id integer primary key,
  product_id integer not null references katello_products (id),
  content_type text not null,
  mirror_on_sync boolean not null default true
);
create index on katello_root_repositories (product_id);
