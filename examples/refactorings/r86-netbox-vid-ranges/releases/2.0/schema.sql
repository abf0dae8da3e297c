-- NetBox 4.1: two bounds become a list of ranges, with a cached total.

create table ipam_vlangroup (
  id bigint primary key,
  name text not null,
  vid_ranges int4range[] not null,
  total_vlan_ids bigint not null
);
