-- Saleor 3.18: a voucher has one code.

create table discount_voucher (
  id serial primary key,
  code varchar(255) not null unique,
  used integer not null default 0,
  name varchar(255)
);

create table discount_vouchercustomer (
  voucher_id integer not null references discount_voucher (id) on delete cascade,
  customer_email text not null,
  primary key (voucher_id, customer_email)
);
