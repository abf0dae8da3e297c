-- NetBox 4.1: two bounds become a list of ranges, with a cached total.

create table ipam_vlangroup (
  id bigint primary key,
  name text not null,
  min_vid smallint not null check (min_vid > 0),
  max_vid smallint not null,
  check (min_vid <= max_vid)
);
