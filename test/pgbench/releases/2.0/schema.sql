-- The next release: the balance of an account, which every transaction writes, and its filler,
-- which nobody reads, have tables of their own; tellers say what their columns hold.

create table pgbench_branches (
  bid int not null primary key,
  bbalance int,
  filler char(88)
) with (fillfactor = 100);

create table pgbench_tellers (
  teller int not null primary key,
  branch int,
  balance int,
  filler char(84)
) with (fillfactor = 100);

create table pgbench_accounts (
  aid int not null primary key,
  bid int
);

create table pgbench_account_balances (
  aid int not null primary key references pgbench_accounts (aid) on delete cascade,
  abalance int
);

create table pgbench_account_fillers (
  account int not null primary key references pgbench_accounts (aid) on delete cascade,
  filler char(84)
);

create table pgbench_history (
  tid int,
  bid int,
  aid int,
  delta int,
  mtime timestamp,
  filler char(22)
);
