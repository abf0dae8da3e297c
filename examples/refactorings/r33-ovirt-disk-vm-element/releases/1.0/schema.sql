-- oVirt 4.0: what a disk is to a virtual machine moves from the disk to each of its attachments.

create table base_disks (
  disk_id uuid primary key,
  disk_alias varchar(255),
  boot boolean not null default false,
  disk_interface varchar(32) not null
);
create table vm_device (
  device_id uuid,
  vm_id uuid,
  type varchar(30) not null,
  primary key (device_id, vm_id)
);
