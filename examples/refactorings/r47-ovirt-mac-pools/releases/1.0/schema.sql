-- oVirt 3.6: ranges in the text of an option become a pool with ranges, to which every data center refers.

create table vdc_options (
  option_name varchar(100) primary key,
  option_value varchar(4000) not null
);
create table storage_pool (
  id uuid primary key,
  name varchar(40) not null
);
