-- Katello 4.4: a boolean becomes a mirroring policy, which depends on the vendor of the product.

create table katello_products (id integer primary key, name text not null, vendor text not null);
create table katello_root_repositories (
  id integer primary key,
  product_id integer not null references katello_products (id),
  content_type text not null,
  mirroring_policy varchar not null
    check (mirroring_policy in ('additive', 'mirror_complete', 'mirror_content_only'))
);
create index on katello_root_repositories (product_id);
