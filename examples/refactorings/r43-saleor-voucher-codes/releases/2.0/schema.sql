-- Saleor 3.18: a voucher has codes, and who has used one is told by the code.

create table discount_voucher (
  id serial primary key,
  name varchar(255)
);

create table discount_vouchercode (
  id uuid primary key default gen_random_uuid(),
  code varchar(255) not null unique,
  used integer not null default 0,
  is_active boolean not null default true,
  voucher_id integer not null references discount_voucher (id) on delete cascade
);

create index on discount_vouchercode (voucher_id);

create table discount_vouchercustomer (
  voucher_code_id uuid not null references discount_vouchercode (id) on delete cascade,
  customer_email text not null,
  primary key (voucher_code_id, customer_email)
);
