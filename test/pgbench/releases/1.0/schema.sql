-- The release in the field: what `pgbench -i` makes (pgbench's manual, "Initialization Options"),
-- unchanged in name, type and key. The storage parameter is pgbench's own too.

create table pgbench_branches (
  bid int not null primary key,
  bbalance int,
  filler char(88)
) with (fillfactor = 100);

create table pgbench_tellers (
  tid int not null primary key,
  bid int,
  tbalance int,
  filler char(84)
) with (fillfactor = 100);

create table pgbench_accounts (
  aid int not null primary key,
  bid int,
  abalance int,
  filler char(84)
) with (fillfactor = 100);

create table pgbench_history (
  tid int,
  bid int,
  aid int,
  delta int,
  mtime timestamp,
  filler char(22)
);
